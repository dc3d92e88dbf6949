"""What is sold, where, and for how much."""
