"""Entry points of the area `operations`."""
