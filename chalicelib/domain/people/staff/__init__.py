"""The operator's own people, and the first owner of an installation."""
