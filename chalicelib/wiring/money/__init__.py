"""The container of the area `money`, in parts that build on each other."""
