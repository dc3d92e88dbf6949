"""Requests and responses of the top-up endpoints."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.money.crypto.wallets import wallet_uri
from chalicelib.domain.money.top_ups.models import Amount, Checkout, Flag, Method, TopUp, TopUpStatus
from chalicelib.http import ApiModel, Money
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.money import format_amount, parse_amount
from chalicelib.kernel.qr import QrCodes

TopUpId = id_of(Kind.TOP_UP)


def _decimal(text: str) -> str:
    parse_amount(text)
    return text


DecimalText = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_decimal)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class CardTopUpBody(ApiModel):
    """The amount to pay by card."""

    amount: DecimalText = Field(examples=["50.00"])
    currency: Currency = Field(default="USD", examples=["USD"])


class PayPalTopUpBody(ApiModel):
    """The amount to pay through PayPal."""

    amount: DecimalText = Field(examples=["50.00"])
    currency: Currency = Field(default="USD", examples=["USD", "EUR"])


class BankTopUpBody(ApiModel):
    """The amount and currency of the transfer."""

    amount: DecimalText = Field(examples=["250.00"])
    currency: Currency = Field(examples=["EUR", "USD", "GBP", "CAD", "CHF", "AED"])


class WalletMethod(StrEnum):
    """The payment methods of `add-funds`."""

    PAYPAL = "paypal"
    CARD = "card"


class AddFundsBody(ApiModel):
    """The same as a top-up by PayPal or card, under its other path."""

    amount: DecimalText = Field(examples=["50.00"])
    currency: Currency = Field(default="USD", examples=["USD"])
    method: WalletMethod = WalletMethod.PAYPAL


class Asset(StrEnum):
    """The accepted stablecoins."""

    USDT = "USDT"
    USDC = "USDC"


class Chain(StrEnum):
    """The chains on which they are accepted."""

    ETH = "ETH"
    BSC = "BSC"
    POLYGON = "Polygon"


class CryptoTopUpBody(ApiModel):
    """The amount in dollars to pay in a stablecoin."""

    amount: DecimalText = Field(examples=["50.00"])
    asset: Asset
    chain: Chain


class CheckoutView(ApiModel):
    """How to pay; only fields that fit the method are set."""

    redirect_url: str | None = Field(description="a hosted page")
    client_secret: str | None = Field(description="for the gateway's script in the front end")
    address: str | None
    network: str | None
    pay_amount: str | None
    pay_currency: str | None
    payment_uri: str | None = Field(
        description="crypto: the link for a wallet, with the token, the address and the amount (EIP-681)",
        examples=["ethereum:0xdAC17F958D2ee523a2206206994597C13D831ec7@1/transfer?address=0x…&uint256=25000000"],
    )
    qr_svg: str | None = Field(description="`paymentUri` as a QR code, an SVG document; not in lists")
    instructions: dict[str, str]
    expires_at: datetime | None

    @classmethod
    def of(cls, top_up: TopUp, checkout: Checkout, qr_codes: QrCodes | None) -> Self:
        """The view of `checkout`, which belongs to `top_up`."""
        pay = checkout.pay_amount
        uri = wallet_uri(top_up) if top_up.method is Method.CRYPTO else None
        return cls(
            redirect_url=checkout.redirect_url,
            client_secret=checkout.client_secret,
            address=checkout.address,
            network=checkout.network,
            pay_amount=format_amount(pay.micros) if pay else None,
            pay_currency=pay.currency if pay else None,
            payment_uri=uri,
            qr_svg=qr_codes.svg(uri) if uri and qr_codes else None,
            instructions=dict(checkout.instructions),
            expires_at=checkout.expires_at,
        )


class TopUpView(ApiModel):
    """A top-up and its status."""

    id: str
    method: Method
    status: TopUpStatus
    amount: Money
    asset: str | None
    network: str | None
    credited: Money = Field(description="the amount added to the balance")
    refunded: Money
    disputed: Money = Field(description="frozen by open disputes")
    exchange_rate: str | None = Field(description="dollars for one unit of the currency")
    flags: list[Flag]
    failure: str | None
    checkout: CheckoutView | None = Field(description="how to pay, while it can be paid")
    created_at: datetime
    updated_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, top_up: TopUp, qr_codes: QrCodes | None = None) -> Self:
        """The view of `top_up`; with a QR code if it can be paid with one and `qr_codes` is given."""
        payable = top_up.checkout if not top_up.status.is_final else None
        return cls(
            id=top_up.id,
            method=top_up.method,
            status=top_up.status,
            amount=_money(top_up.amount),
            asset=top_up.asset or None,
            network=top_up.network or None,
            credited=Money.of(top_up.credited_micros),
            refunded=Money.of(top_up.refunded_micros),
            disputed=Money.of(top_up.disputed_micros),
            exchange_rate=top_up.rate or None,
            flags=sorted(top_up.flags),
            failure=top_up.failure or None,
            checkout=CheckoutView.of(top_up, payable, qr_codes) if payable else None,
            created_at=top_up.created_at,
            updated_at=top_up.updated_at,
            expires_at=top_up.deadline_at,
        )


def _money(amount: Amount) -> Money:
    return Money(amount=format_amount(amount.micros), currency=amount.currency)


class WebhookReceived(ApiModel):
    """The webhook was verified and recorded."""

    received: bool
