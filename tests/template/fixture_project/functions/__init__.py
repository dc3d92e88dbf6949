"""Entry points of the fixture project."""
