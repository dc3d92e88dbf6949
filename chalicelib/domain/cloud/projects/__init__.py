"""Groups of deployments."""
