"""The work behind the state machines of deployments."""
