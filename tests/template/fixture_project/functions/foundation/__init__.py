"""Entry points of the area `foundation`."""
