"""Where the area `people` keeps its items."""
