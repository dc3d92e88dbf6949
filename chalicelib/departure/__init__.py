"""Leaving: taking one's data along, closing a customer, and erasing what the law does not ask to be kept."""
