"""Where the area `cloud` keeps its items."""
