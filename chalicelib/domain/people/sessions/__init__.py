"""Sessions and their access tokens."""
