"""The countries of billing profiles."""

from chalicelib.http import Listing, Visitor, endpoint
from chalicelib.wiring.app import app
from functions.money.countries.schemas import CountryView


@endpoint("GET", "/billing/countries", public=True)
def list_countries(visitor: Visitor) -> Listing[CountryView]:
    """List every country that a bill can go to, with the form of its VAT numbers; names are left to the client."""
    known = app().money.billing_profiles.countries()
    return Listing([CountryView.of(code, country) for code, country in known.items()])
