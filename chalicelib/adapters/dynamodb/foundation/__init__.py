"""The items of the area `foundation` in the single table."""
