"""Billing profiles: the person or company that a customer's invoices are addressed to."""

import re
from collections.abc import Mapping
from dataclasses import replace

from chalicelib.domain.money.billing.countries import COUNTRIES
from chalicelib.domain.money.billing.models import BillingProfile, PartyKind, VatCountry
from chalicelib.domain.money.billing.ports import BillingRecords
from chalicelib.domain.money.billing.vat import VatRules
from chalicelib.kernel.clock import Clock, is_time_zone
from chalicelib.kernel.errors import FieldError, InvalidInput
from chalicelib.kernel.money import BASE_CURRENCY
from chalicelib.kernel.transactions import Transactor


class BillingProfiles:
    """Reads and sets billing profiles. An issued invoice keeps the profile that it was issued to."""

    def __init__(self, records: BillingRecords, transactor: Transactor, vat: VatRules, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._vat = vat
        self._clock = clock

    def get(self, customer_id: str) -> BillingProfile:
        """A customer's profile; the default (an individual of unknown country) if the customer never set one."""
        return self._records.profile(customer_id) or BillingProfile(customer_id)

    def countries(self) -> Mapping[str, VatCountry | None]:
        """The countries that an invoice can be addressed to, by code and in its order, each with its VAT rules if
        known.
        """
        return {code: self._vat.of(code) for code in sorted(COUNTRIES)}

    def put(self, wanted: BillingProfile) -> BillingProfile:
        """Set a profile and return it as it is stored.

        Raises:
            InvalidInput: the country, time zone, currency or VAT number is not valid.
        """
        number = re.sub(r"[\s.-]", "", wanted.vat_number or "").upper() or None
        profile = replace(wanted, vat_number=number, updated_at=self._clock.now())
        wrong = self._problems(profile)
        if wrong:
            raise InvalidInput(wrong[0].message, details=wrong)
        self._transactor.commit([self._records.put_profile(profile)])
        return profile

    def _problems(self, profile: BillingProfile) -> list[FieldError]:
        found: list[FieldError] = []
        country = profile.country or ""
        if country not in COUNTRIES:
            found.append(FieldError("country", "Give a country as its two letters (ISO 3166-1), such as DE."))
        if not is_time_zone(profile.time_zone):
            found.append(FieldError("timeZone", "Give a time zone of the IANA database, such as Europe/Berlin."))
        if profile.currency != BASE_CURRENCY:
            found.append(FieldError("currency", f"Invoices are in {BASE_CURRENCY}."))
        if profile.vat_number and profile.kind is not PartyKind.COMPANY:
            found.append(FieldError("vatNumber", "Only a company has a VAT number."))
        elif profile.vat_number and country in COUNTRIES:
            problem = self._vat.vat_number_problem(country, profile.vat_number)
            found += [FieldError("vatNumber", problem)] if problem else []
        return found
