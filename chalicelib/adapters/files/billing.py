"""The seller and the tax rates, from files in `chalicelib/domain/money/billing/data/` that operators edit."""

from datetime import date
from decimal import Decimal
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from chalicelib.domain.money.billing.models import BASIS_POINTS, Seller, VatCountry

_DATA = "chalicelib.domain.money.billing.data"
_PERCENT = BASIS_POINTS // 100


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rate(_Strict):
    since: date = Field(alias="from")
    percent: Decimal = Field(ge=0, lt=100, max_digits=4, decimal_places=2)


class _Country(_Strict):
    is_in_eu: bool
    vat_prefix: str | None = None
    vat_number_pattern: str | None = None
    rates: tuple[_Rate, ...] = Field(min_length=1)


class _Countries(_Strict):
    about: str
    countries: dict[str, _Country]


def read_vat_countries() -> dict[str, VatCountry]:
    """Return each country's tax rates and the form of its VAT numbers.

    Raises:
        ValueError: the file is invalid; the message says where.
    """
    return {code: _vat_country(found) for code, found in _read_countries().countries.items()}


def read_seller() -> Seller:
    """Return the issuer of the invoices.

    Raises:
        ValueError: the file is invalid; the message says where.
    """
    return TypeAdapter(Seller).validate_json(_text("seller.json"))


def _read_countries() -> _Countries:
    return _Countries.model_validate_json(_text("vat.json"))


def _vat_country(found: _Country) -> VatCountry:
    rates = sorted((rate.since, int(rate.percent * _PERCENT)) for rate in found.rates)
    return VatCountry(found.is_in_eu, tuple(rates), found.vat_prefix, found.vat_number_pattern)


def _text(name: str) -> str:
    return resources.files(_DATA).joinpath(name).read_text("utf-8")
