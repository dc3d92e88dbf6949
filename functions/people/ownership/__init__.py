"""Endpoints of the transfer of ownership."""
