"""The Task states of the state machines in `state_machines/`."""
