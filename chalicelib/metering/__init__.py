"""Usage: how long machines ran, and what that costs."""
