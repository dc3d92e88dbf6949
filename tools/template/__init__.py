"""The parts of the overlay, one module for each kind of resource."""
