"""Lambda functions of the area `money`."""
