"""Four eyes: what a second member of the staff must agree to."""
