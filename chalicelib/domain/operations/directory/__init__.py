"""The directory, in which staff find and change customers."""
