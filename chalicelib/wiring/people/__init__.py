"""The container of the area `people`, in parts that build on each other."""
