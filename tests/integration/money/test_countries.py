"""The list of countries, and billing profiles, which accept only these."""

import re

from tests.support.api import Api


def test_every_country_is_listed_once_with_the_form_of_its_vat_numbers(api: Api) -> None:
    answer = api.get("/billing/countries")
    by_code = {country["code"]: country for country in answer.data}
    assert len(by_code) == len(answer.data) == 249
    assert answer.next_cursor is None
    assert sum(country["isInEu"] for country in answer.data) == 27
    assert by_code["GR"]["vatPrefix"] == "EL"
    assert re.fullmatch(by_code["DE"]["vatNumberPattern"], "123456789")
    assert by_code["US"] == {"code": "US", "isInEu": False, "vatPrefix": None, "vatNumberPattern": None}
