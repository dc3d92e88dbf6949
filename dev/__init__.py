"""What developers run and production never sees: the local cloud and the simulators."""
