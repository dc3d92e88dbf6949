"""Tests of the package: templates, roles and size."""
