"""The task and the workers of suspension."""
