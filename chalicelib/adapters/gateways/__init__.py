"""Adapters for payment gateways."""
