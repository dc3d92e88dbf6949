"""The composition root: builds the product from its parts."""
