"""The rules of the product, by area; no SDK and no framework."""
