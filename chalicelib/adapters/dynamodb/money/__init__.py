"""Where the area `money` keeps its items."""
