"""Response of the list of countries."""

from typing import Self

from pydantic import Field

from chalicelib.domain.money.billing.models import VatCountry
from chalicelib.http import ApiModel


class CountryView(ApiModel):
    """A country that an invoice can be addressed to."""

    code: str = Field(description="ISO 3166-1, two letters", examples=["DE"])
    is_in_eu: bool
    vat_prefix: str | None = Field(description="the prefix of its VAT numbers; null where none is asked for")
    vat_number_pattern: str | None = Field(
        description="a regular expression for the part after the prefix", examples=["[0-9]{9}"]
    )

    @classmethod
    def of(cls, code: str, country: VatCountry | None) -> Self:
        """The view of a country; `country` is None if its VAT rules are not known."""
        if country is None:
            return cls(code=code, is_in_eu=False, vat_prefix=None, vat_number_pattern=None)
        return cls(
            code=code,
            is_in_eu=country.is_in_eu,
            vat_prefix=country.vat_prefix,
            vat_number_pattern=country.vat_number_pattern,
        )
