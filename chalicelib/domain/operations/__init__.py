"""What the operator does across all areas: customers as a whole, closing, the proof of the books."""
