"""The operator's staff, and the first owner of an installation."""
