"""Where the area `foundation` keeps its items."""
