"""Function URLs: verify, record once, hand over, answer at once."""
