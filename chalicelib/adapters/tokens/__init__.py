"""Signed access tokens, and the key that signs them."""
