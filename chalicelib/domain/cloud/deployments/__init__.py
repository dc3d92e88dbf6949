"""Machines that customers order, see and delete."""
