"""Where the area `operations` keeps its items."""
