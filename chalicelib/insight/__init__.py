"""What happened: the activity log that customers and staff read."""
