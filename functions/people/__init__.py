"""Entry points of the area `people`."""
