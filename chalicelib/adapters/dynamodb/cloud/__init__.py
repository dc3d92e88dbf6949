"""The items of the area `cloud` in the single table."""
