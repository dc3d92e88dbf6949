"""Providers, the catalogue, and the machines that customers run."""
