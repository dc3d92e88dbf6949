"""Programs for developers that are never deployed: the local cloud, the simulators and the demo."""
