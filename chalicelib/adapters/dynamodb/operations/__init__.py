"""The items of the area `operations` in the single table."""
