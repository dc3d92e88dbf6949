"""Work of the operator across all areas: the directory of customers, closing, the proof of the books."""
