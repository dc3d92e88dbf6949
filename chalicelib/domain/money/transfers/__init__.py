"""Moving money between a user's own customers."""
