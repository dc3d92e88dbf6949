"""The items of the area `money` in the single table."""
