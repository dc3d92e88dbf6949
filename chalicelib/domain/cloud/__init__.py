"""Providers, what is sold, and the machines that customers run."""
