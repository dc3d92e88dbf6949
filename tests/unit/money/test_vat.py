"""The tax on an invoice, and the form of VAT numbers."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.files.billing import read_seller, read_vat_countries
from chalicelib.domain.money.billing.countries import COUNTRIES
from chalicelib.domain.money.billing.models import BillingProfile, PartyKind, Seller, Tax, TaxTreatment
from chalicelib.domain.money.billing.vat import VatRules

ON = date(2026, 11, 20)
COUNTRY_RULES = read_vat_countries()
RULES = VatRules(COUNTRY_RULES)

VALID = {
    "AT": "ATU12345678",
    "BE": "BE0123456789",
    "BG": "BG123456789",
    "CY": "CY12345678L",
    "CZ": "CZ12345678",
    "DE": "DE123456789",
    "DK": "DK12345678",
    "EE": "EE123456789",
    "ES": "ESA1234567B",
    "FI": "FI12345678",
    "FR": "FRXX123456789",
    "GR": "EL123456789",
    "HR": "HR12345678901",
    "HU": "HU12345678",
    "IE": "IE1234567WA",
    "IT": "IT12345678901",
    "LT": "LT123456789012",
    "LU": "LU12345678",
    "LV": "LV12345678901",
    "MT": "MT12345678",
    "NL": "NL123456789B01",
    "PL": "PL1234567890",
    "PT": "PT123456789",
    "RO": "RO1234567890",
    "SE": "SE123456789012",
    "SI": "SI12345678",
    "SK": "SK1234567890",
}

MEMBERS = sorted(VALID)


def seller(country: str, **more: str | None) -> Seller:
    return replace(read_seller(), country=country, **more)  # type: ignore[arg-type]


def company(country: str, vat_number: str | None = None) -> BillingProfile:
    return BillingProfile("cus", PartyKind.COMPANY, country=country, vat_number=vat_number)


def person(country: str | None) -> BillingProfile:
    return BillingProfile("cus", country=country)


def test_the_data_file_has_every_member_and_nothing_that_is_no_country() -> None:
    assert sorted(code for code, rules in COUNTRY_RULES.items() if rules.is_in_eu) == MEMBERS
    assert COUNTRY_RULES.keys() <= COUNTRIES
    assert len(COUNTRIES) == 249
    for rules in COUNTRY_RULES.values():
        assert all(0 < rate < 3000 for _, rate in rules.rates)
        assert [since for since, _ in rules.rates] == sorted({since for since, _ in rules.rates})


@pytest.mark.parametrize("country", MEMBERS)
def test_at_home_everybody_pays_the_rate_of_the_country(country: str) -> None:
    for buyer in (person(country), company(country), company(country, VALID[country])):
        tax = RULES.tax(seller(country), buyer, ON)
        assert (tax.treatment, tax.country) == (TaxTreatment.CHARGED, country)
        assert tax.rate_basis_points > 1500


def test_elsewhere_in_the_union_companies_account_for_it_themselves_and_others_pay_their_countrys_rate() -> None:
    finnish = seller("FI")
    assert RULES.tax(finnish, company("DE", "DE123456789"), ON) == Tax(TaxTreatment.REVERSE_CHARGE, "DE")
    assert RULES.tax(finnish, company("DE"), ON) == Tax(TaxTreatment.CHARGED, "DE", 1900)
    assert RULES.tax(finnish, person("HU"), ON) == Tax(TaxTreatment.CHARGED, "HU", 2700)
    # A person with a VAT number is still no company.
    individual = BillingProfile("cus", country="DE", vat_number="DE123456789")
    assert RULES.tax(finnish, individual, ON).treatment is TaxTreatment.CHARGED


def test_outside_the_union_only_the_sellers_own_country_charges() -> None:
    assert RULES.tax(seller("FI"), person("US"), ON) == Tax(TaxTreatment.OUT_OF_SCOPE, "US")
    assert RULES.tax(seller("FI"), person("CH"), ON) == Tax(TaxTreatment.OUT_OF_SCOPE, "CH")
    assert RULES.tax(seller("CH"), person("CH"), ON) == Tax(TaxTreatment.CHARGED, "CH", 810)
    assert RULES.tax(seller("US"), person("US"), ON) == Tax(TaxTreatment.OUT_OF_SCOPE, "US")
    assert RULES.tax(seller("US"), person("FR"), ON) == Tax(TaxTreatment.CHARGED, "FR", 2000)


def test_who_never_said_where_they_are_is_where_the_seller_says() -> None:
    assert RULES.tax(seller("FI"), person(None), ON) == Tax(TaxTreatment.OUT_OF_SCOPE, None)
    at_home = seller("FI", country_when_unknown="FI")
    assert RULES.tax(at_home, person(None), ON) == Tax(TaxTreatment.CHARGED, "FI", 2550)


@pytest.mark.parametrize(
    ("on", "rate"), [(date(2024, 12, 31), 2000), (date(2025, 1, 1), 2300), (date(2040, 1, 1), 2300)]
)
def test_the_rate_is_that_of_the_day(on: date, rate: int) -> None:
    assert RULES.tax(seller("SK"), person("SK"), on).rate_basis_points == rate


def test_no_rate_is_made_up_for_a_day_before_the_file_begins() -> None:
    with pytest.raises(LookupError):
        RULES.tax(seller("SK"), person("SK"), date(1990, 1, 1))


@pytest.mark.parametrize("country", MEMBERS)
def test_vat_numbers_have_their_countrys_form(country: str) -> None:
    number = VALID[country]
    assert RULES.vat_number_problem(country, number) is None
    wrong = [number[2:], number + "0000", number[:2], number.lower(), f" {number}", f"{number}\n", "DE" + number]
    wrong += [other for code, other in VALID.items() if code != country]
    wrong += [number.replace("1", "١")] if "1" in number else []
    for other in wrong:
        assert RULES.vat_number_problem(country, other) is not None, other


def test_only_the_union_has_such_numbers() -> None:
    assert RULES.vat_number_problem("US", "US123456789") is not None
    assert RULES.vat_number_problem("CH", "CHE123456789") is not None


@given(gross=st.integers(0, 10**12), rate=st.integers(0, 3000))
def test_tax_is_the_share_of_the_total_to_the_nearest_cent(gross: int, rate: int) -> None:
    tax = Tax(TaxTreatment.CHARGED, "FI", rate).contained_in(gross)
    # |tax − gross × rate / (1 + rate)| ≤ ½, without a fraction
    assert abs(2 * tax * (10_000 + rate) - 2 * gross * rate) <= 10_000 + rate


def test_tax_of_round_amounts() -> None:
    assert Tax(TaxTreatment.CHARGED, "FI", 2550).contained_in(12550) == 2550
    assert Tax(TaxTreatment.CHARGED, "DE", 1900).contained_in(11900) == 1900
    assert Tax(TaxTreatment.REVERSE_CHARGE, "DE").contained_in(11900) == 0
