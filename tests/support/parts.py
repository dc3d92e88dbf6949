"""Replacing parts of the product in a test."""

from chalicelib.wiring.app import app, use
from chalicelib.wiring.core import Parts


def give(**given: Parts) -> None:
    """Put the product together anew, with the parts `given` by area: `give(core={"clock": clock})`.

    What was given before in the same test stays, unless it is given again.
    """
    use(app().having(given))
