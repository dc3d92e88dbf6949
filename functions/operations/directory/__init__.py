"""Workers of the directory of customers."""
