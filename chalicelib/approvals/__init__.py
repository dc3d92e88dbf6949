"""Four eyes: what one of the staff asks for, and another decides."""
