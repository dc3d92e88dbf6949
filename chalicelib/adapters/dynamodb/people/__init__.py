"""The items of the area `people` in the single table."""
