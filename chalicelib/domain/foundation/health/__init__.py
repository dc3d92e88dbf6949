"""The health of the product's dependencies."""
