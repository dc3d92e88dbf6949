"""Ports written by hand for unit tests: they keep their promises, in memory."""
