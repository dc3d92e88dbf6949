"""Projects: groups of a customer's deployments."""
