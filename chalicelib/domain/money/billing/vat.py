"""Value added tax: the rule that applies between a seller and a buyer, and the form of VAT numbers.

Machines by the hour are electronically supplied services: tax is due in the buyer's country (Directive
2006/112/EC, articles 44 and 58). The seller charges that country's rate, or the buyer accounts for the tax itself
if it is a company in another country of the Union (article 196). Outside the Union, tax is charged only in the
seller's own country.
"""

import re
from collections.abc import Mapping
from datetime import date

from chalicelib.domain.money.billing.models import BillingProfile, PartyKind, Seller, Tax, TaxTreatment, VatCountry


class VatRules:
    """Applies the rates and number forms of the data file."""

    def __init__(self, countries: Mapping[str, VatCountry]) -> None:
        self._countries = countries

    def of(self, code: str) -> VatCountry | None:
        """The VAT rules of a country; None if they are not known, as for most countries outside the Union."""
        return self._countries.get(code)

    def tax(self, seller: Seller, buyer: BillingProfile, on: date) -> Tax:
        """The tax on what `seller` charges `buyer` for a service whose tax point is `on`."""
        code = buyer.country or seller.country_when_unknown
        country = self._countries.get(code or "")
        if code is None or country is None:
            return Tax(TaxTreatment.OUT_OF_SCOPE, code)
        if code == seller.country:
            return Tax(TaxTreatment.CHARGED, code, _rate(country, on))
        if not country.is_in_eu:
            return Tax(TaxTreatment.OUT_OF_SCOPE, code)
        if buyer.kind is PartyKind.COMPANY and buyer.vat_number:
            return Tax(TaxTreatment.REVERSE_CHARGE, code)
        return Tax(TaxTreatment.CHARGED, code, _rate(country, on))

    def vat_number_problem(self, country: str, vat_number: str) -> str | None:
        """What is wrong with the form of `vat_number` for a company in `country`; None if the form is right.

        The forms are those of VIES. Only VIES knows whether the number belongs to a company.
        """
        rules = self._countries.get(country)
        if rules is None or rules.vat_prefix is None or rules.vat_number_pattern is None:
            return f"VAT numbers are asked for in the European Union only, and {country} is not in it."
        digits = vat_number.removeprefix(rules.vat_prefix)
        if digits == vat_number or re.fullmatch(rules.vat_number_pattern, digits, re.ASCII) is None:
            return f"A VAT number of {country} begins with {rules.vat_prefix} and has the form that VIES shows."
        return None


def _rate(country: VatCountry, on: date) -> int:
    """The rate that holds on a day, in basis points.

    Raises:
        LookupError: the data file has no rate for so early a day.
    """
    held = [rate for since, rate in country.rates if since <= on]
    if not held:
        raise LookupError(f"there is no rate for {on}")
    return held[-1]
