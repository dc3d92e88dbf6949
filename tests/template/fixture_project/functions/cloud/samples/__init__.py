"""Samples of what a project has."""
