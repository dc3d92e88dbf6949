"""Hand-written implementations of ports for unit tests; they work in memory and keep the ports' promises."""
