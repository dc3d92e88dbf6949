"""What is read from the data files that ship with the product."""
