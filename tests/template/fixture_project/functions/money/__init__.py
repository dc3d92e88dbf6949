"""Entry points of the area `money`."""
