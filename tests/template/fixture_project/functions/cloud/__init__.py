"""Entry points of the area `cloud`."""
