"""Telling customers of new prices."""
