"""The local cloud: `python -m dev.localcloud up|down|status|watch`. Never shipped."""
