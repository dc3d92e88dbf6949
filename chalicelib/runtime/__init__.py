"""Code that every Lambda shares: the registry of functions, their grants, logging, metrics and triggers."""
