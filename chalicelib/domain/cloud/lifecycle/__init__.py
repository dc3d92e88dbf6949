"""The tasks of the state machines of deployments."""
