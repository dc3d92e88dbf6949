"""Configuration of our bank accounts, and of the bank's interface.

It is one part of the secret for payments, which is a JSON document:

    {"bank": {
       "base_url": "https://api.bank.example/v1", "api_key": "…", "webhook_secrets": ["…"],
       "accounts": {
         "EUR": {"beneficiary": "Hearth BV", "bank": "Bank", "iban": "NL91ABNA0417164300", "bic": "ABNANL2A"},
         "USD": {"beneficiary": "Hearth Inc.", "bank": "Bank", "account_number": "000123456789",
                 "routing_number": "021000021"},
         "GBP": {"beneficiary": "Hearth Ltd", "bank": "Bank", "account_number": "31926819",
                 "sort_code": "601613"}}}}
"""

import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    Field,
    SecretStr,
    model_validator,
)

from chalicelib.adapters.shared.configuration import Configured, PaymentsPart
from chalicelib.domain.money.bank_references.models import normalized

Currency = Literal["USD", "EUR", "GBP", "CAD", "CHF", "AED"]
_LINE = Annotated[str, Field(min_length=1, max_length=140)]


def _iban(text: str) -> str:
    """Check an IBAN (ISO 13616): two letters, two check digits, then the rest; MOD 97-10 over the whole is 1."""
    iban = normalized(text)
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", iban, re.ASCII):
        raise ValueError("is no IBAN")
    if int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 != 1:
        raise ValueError("is no IBAN: its check digits are wrong")
    return iban


def _routing_number(text: str) -> str:
    """Check a routing number (American Bankers Association): nine digits; their sum, weighted 3, 7, 1, divides by
    ten.
    """
    if not re.fullmatch(r"\d{9}", text, re.ASCII):
        raise ValueError("is not nine digits")
    if sum(int(digit) * weight for digit, weight in zip(text, (3, 7, 1) * 3, strict=True)) % 10:
        raise ValueError("is no routing number: its check digit is wrong")
    return text


class AccountConfig(Configured):
    """One of our accounts, with the data that payers need."""

    beneficiary: _LINE
    bank: _LINE
    iban: Annotated[str, AfterValidator(_iban)] | None = None
    account_number: Annotated[str, Field(pattern=r"^[0-9A-Z-]{4,34}$")] | None = None
    routing_number: Annotated[str, AfterValidator(_routing_number)] | None = None
    """United States only."""
    sort_code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None
    """United Kingdom only."""
    institution_number: Annotated[str, Field(pattern=r"^[0-9]{3}$")] | None = None
    """Canada only, with the transit number."""
    transit_number: Annotated[str, Field(pattern=r"^[0-9]{5}$")] | None = None
    bic: Annotated[str, Field(pattern=r"^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$")] | None = None

    @model_validator(mode="after")
    def _can_be_paid_to(self) -> Self:
        is_local = self.routing_number or self.sort_code or (self.institution_number and self.transit_number)
        if not self.iban and not (self.account_number and (is_local or self.bic)):
            raise ValueError(
                "needs an iban, or an account_number with a routing_number, a sort_code, "
                "an institution_number and a transit_number, or a bic"
            )
        return self

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers by which statements may name the account, as `references.normalized` writes them."""
        return frozenset(normalized(number) for number in (self.iban, self.account_number) if number)

    def instructions(self) -> dict[str, str]:
        """The data that a payer fills in, by label; only what is set."""
        parts = {
            "beneficiary": self.beneficiary,
            "bank": self.bank,
            "iban": self.iban,
            "accountNumber": self.account_number,
            "routingNumber": self.routing_number,
            "sortCode": self.sort_code,
            "institutionNumber": self.institution_number,
            "transitNumber": self.transit_number,
            "bic": self.bic,
        }
        return {label: value for label, value in parts.items() if value}


class BankConfig(PaymentsPart):
    """One bank: an account for each currency, and one interface."""

    PART = "bank"

    accounts: dict[Currency, AccountConfig] = Field(min_length=1)
    base_url: AnyHttpUrl
    api_key: SecretStr
    webhook_secrets: tuple[SecretStr, ...] = Field(min_length=1, max_length=5)
    """Several while one is being replaced."""
    connect_timeout_seconds: float = Field(default=3, gt=0, le=30)
    read_timeout_seconds: float = Field(default=10, gt=0, le=60)

    @model_validator(mode="after")
    def _secrets_are_there(self) -> Self:
        if not all(secret.get_secret_value() for secret in (self.api_key, *self.webhook_secrets)):
            raise ValueError("the api_key and the webhook_secrets cannot be empty")
        return self
