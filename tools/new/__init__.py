"""Writes the skeletons of endpoints, contexts, consumers, providers and gateways: `python -m tools.new --help`."""
