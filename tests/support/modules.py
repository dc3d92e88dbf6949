"""Modules of the product."""

import importlib
import pkgutil


def import_all(package: str) -> None:
    """Import every module below `package`."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)
