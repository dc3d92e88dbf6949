"""Replaces parts of the product in a test."""

from chalicelib.wiring.app import app, use
from chalicelib.wiring.core import Parts


def give(**given: Parts) -> None:
    """Build the product again with the parts `given`, by area: `give(core={"clock": clock})`.

    Parts that were given earlier in the same test stay, unless they are given again.
    """
    use(app().having(given))
