"""The activity log of customers and of the staff."""
