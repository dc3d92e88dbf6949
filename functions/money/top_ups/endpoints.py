"""Endpoints for top-ups."""

from collections.abc import Callable

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.domain.money.top_ups.models import Method
from chalicelib.domain.money.top_ups.policy import parse_top_up
from chalicelib.domain.money.top_ups.top_ups import TopUpRequest
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import NotFound, Unavailable
from chalicelib.runtime.grants import PAYMENT_ACCESS
from chalicelib.runtime.registry import Handler
from chalicelib.wiring.app import app
from functions.money.top_ups.schemas import (
    AddFundsBody,
    BankTopUpBody,
    CardTopUpBody,
    CryptoTopUpBody,
    PayPalTopUpBody,
    TopUpId,
    TopUpView,
    WalletMethod,
)


def _way_to_pay(path: str) -> Callable[[Callable[..., TopUpView]], Handler]:
    """An endpoint that requests a payment from a gateway."""
    return endpoint(
        "POST",
        path,
        status=201,
        scope=Scope.BILLING_WRITE,
        idempotent=True,
        errors=(PaymentProviderError, Unavailable),
        grants=(PAYMENT_ACCESS,),
        timeout_seconds=25,
    )


def _create(caller: Caller, request: TopUpRequest) -> TopUpView:
    top_up = app().money.top_ups.create(caller.customer_id, request, caller.effect_key)
    return TopUpView.of(top_up, app().foundation.qr_codes)


@_way_to_pay("/billing/topups/card")
def top_up_by_card(request: CardTopUpBody, caller: Caller) -> TopUpView:
    """Request a payment by card; the response contains what the front end needs to let the customer pay."""
    amount = parse_top_up(Method.CARD, request.amount, request.currency)
    return _create(caller, TopUpRequest("stripe", Method.CARD, amount))


@_way_to_pay("/billing/topups/crypto")
def top_up_by_crypto(request: CryptoTopUpBody, caller: Caller) -> TopUpView:
    """Request a payment in a stablecoin; the response has the address and the amount. The amount received is
    credited.
    """
    amount = parse_top_up(Method.CRYPTO, request.amount, "USD")
    gateway = app().money.crypto_gateway_name
    return _create(caller, TopUpRequest(gateway, Method.CRYPTO, amount, request.asset, request.chain.upper()))


@_way_to_pay("/billing/topups/paypal")
def top_up_by_paypal(request: PayPalTopUpBody, caller: Caller) -> TopUpView:
    """Request a payment through PayPal; the response has the page where the customer approves it."""
    amount = parse_top_up(Method.PAYPAL, request.amount, request.currency)
    return _create(caller, TopUpRequest("paypal", Method.PAYPAL, amount))


@_way_to_pay("/billing/topups/bank-transfer")
def top_up_by_bank_transfer(request: BankTopUpBody, caller: Caller) -> TopUpView:
    """Announce a bank transfer; the response has the account, and the reference by which the transfer is
    recognised.
    """
    amount = parse_top_up(Method.BANK_TRANSFER, request.amount, request.currency)
    return _create(caller, TopUpRequest("bank", Method.BANK_TRANSFER, amount))


@_way_to_pay("/billing/wallet/add-funds")
def add_funds(request: AddFundsBody, caller: Caller) -> TopUpView:
    """Top up by PayPal or card; another path for the same requests."""
    method = Method.CARD if request.method is WalletMethod.CARD else Method.PAYPAL
    amount = parse_top_up(method, request.amount, request.currency)
    return _create(caller, TopUpRequest("stripe" if method is Method.CARD else "paypal", method, amount))


@endpoint("GET", "/billing/topups", scope=Scope.BILLING_READ)
def list_top_ups(query: PageQuery, caller: Caller) -> Listing[TopUpView]:
    """List top-ups, newest first."""
    return Listing.of(app().money.top_ups.list(caller.customer_id, query.page_request()), TopUpView.of)


@endpoint("GET", "/billing/topups/{topUpId}", scope=Scope.BILLING_READ, errors=(NotFound,))
def get_top_up(top_up_id: TopUpId, caller: Caller) -> TopUpView:
    """Show one top-up and its status."""
    return TopUpView.of(app().money.top_ups.get(caller.customer_id, top_up_id), app().foundation.qr_codes)
