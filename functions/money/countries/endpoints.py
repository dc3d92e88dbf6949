"""The countries for billing profiles."""

from chalicelib.http import Listing, Visitor, endpoint
from chalicelib.wiring.app import app
from functions.money.countries.schemas import CountryView


@endpoint("GET", "/billing/countries", public=True)
def list_countries(visitor: Visitor) -> Listing[CountryView]:
    """List the countries that an invoice can be addressed to, with the form of their VAT numbers; clients add the
    names.
    """
    known = app().money.billing_profiles.countries()
    return Listing([CountryView.of(code, country) for code, country in known.items()])
