"""Bank transfers as a payment gateway.

A top-up's `provider_id` is its reference, which is derived from its id, so `create` calls nobody. The bank does
not know how much was asked for, so a state is SETTLED as soon as anything has arrived; the service compares the
amounts.

A transfer that names no top-up, several, or one in another currency has the bank's own id as its `provider_id`.
`fetch` and `transfer` accept that id too, and the state has the flag MANUAL_REVIEW. A webhook also gives the
bank's id if the reference was typed with look-alike characters, but the fetched state then has the reference as it
should be.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

from chalicelib.adapters.gateways.bank import webhooks
from chalicelib.adapters.gateways.bank.client import BankClient, decimal_text
from chalicelib.adapters.gateways.bank.config import BankConfig
from chalicelib.adapters.gateways.bank.wire import TransferData, state_of
from chalicelib.domain.money.bank.models import Transfer, numbered
from chalicelib.domain.money.bank_references.models import CURRENCY_LETTERS, is_reference, reference_of
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    Flag,
    GatewayRefused,
    Notice,
    PaymentState,
    Refund,
    TopUp,
)


class BankGateway:
    """The accounts of one bank. It can send money back, list payments, and report money that names no top-up."""

    name = "bank"

    def __init__(self, config: BankConfig) -> None:
        self._config = config
        self._client = BankClient(config)

    @property
    def accounts(self) -> frozenset[str]:
        """The numbers by which statements may name our accounts, as `references.normalized` writes them."""
        return frozenset(number for account in self._config.accounts.values() for number in account.numbers)

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        """The account to pay to, and the reference to use. It calls nobody.

        Raises:
            GatewayRefused: we have no account in this currency.
        """
        account = next(
            (account for name, account in self._config.accounts.items() if name == top_up.amount.currency), None
        )
        if account is None:
            offered = ", ".join(self._config.accounts)
            raise GatewayRefused(
                f"{top_up.id} is in {top_up.amount.currency}", f"Bank transfers can be made in {offered}."
            )
        reference = reference_of(top_up.id, top_up.amount.currency)
        instructions = {**account.instructions(), "currency": top_up.amount.currency, "reference": reference}
        return Checkout(provider_id=reference, expires_at=top_up.deadline_at, instructions=instructions)

    def find(self, top_up: TopUp) -> PaymentState | None:
        """The state of the transfers for `top_up`; None if none has arrived, because nothing is created at the
        bank.
        """
        if top_up.amount.currency not in CURRENCY_LETTERS:
            return None
        reference = reference_of(top_up.id, top_up.amount.currency)
        found = self._with_reference(reference)
        return state_of(reference, found.values()) if found else None

    def fetch(self, provider_id: str) -> PaymentState:
        """The state of all transfers with a reference, or of one transfer by the bank's id.

        Raises:
            GatewayRefused: `provider_id` is neither.
        """
        if is_reference(provider_id):
            return state_of(provider_id, self._with_reference(provider_id).values())
        one = self._client.transfer(provider_id)
        reference = one.reference
        if reference is None:
            return state_of(one.id, [one], frozenset({Flag.MANUAL_REVIEW}))
        # The bank may not find the reference if it was typed with look-alike characters.
        return state_of(reference, {**self._with_reference(reference), one.id: one}.values())

    def transfer(self, provider_id: str) -> Transfer | None:
        """The transfer with this id of the bank; None if it is not booked yet.

        Raises:
            GatewayRefused: there is no such transfer.
        """
        return self._client.transfer(provider_id).transfer

    def transfers(self, provider_id: str) -> list[Transfer]:
        """The booked transfers with a reference, or one transfer by the bank's id.

        Raises:
            GatewayRefused: `provider_id` is neither.
        """
        if is_reference(provider_id):
            found = self._with_reference(provider_id).values()
        else:
            found = {provider_id: self._client.transfer(provider_id)}.values()
        return numbered(one.transfer for one in found if one.transfer)

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        """Verify a webhook and return its notice; see `webhooks.verify`."""
        return webhooks.verify(raw_body, headers, now, self._config.webhook_secrets)

    def refund(self, provider_id: str, amount: Amount, key: str) -> Refund:
        """Send `amount` back to the account that it came from; the same `key` gives the same refund.

        Args:
            provider_id: a top-up's reference, or the bank's id of one transfer, with or without a top-up.
            amount: in whole cents.
            key: our key, which the bank stores with the return.

        Raises:
            GatewayRefused: no single transfer has that much left.
        """
        found = self._sources(provider_id)
        made = next((refund for one in found for refund in one.refunds if refund.key == key), None)
        if made is not None:
            return made
        source = next((one for one in found if _can_give(one, amount)), None)
        if source is None:
            raise GatewayRefused(
                f"{provider_id}: no transfer has {amount} left", "No transfer has that much left to be sent back."
            )
        answer = self._client.give_back(source.id, decimal_text(amount), amount.currency, key)
        return Refund(answer.id, amount, answer.status, key)

    def settled(self, since: datetime, until: datetime) -> Iterator[PaymentState]:
        """The states of transfers credited in [since, until): one for each reference, one for each transfer
        without one.
        """
        clear: defaultdict[str, list[TransferData]] = defaultdict(list)
        for one in self._client.credited(since, until):
            if one.reference is None:
                yield state_of(one.id, [one], frozenset({Flag.MANUAL_REVIEW}))
            else:
                clear[one.reference].append(one)
        for reference, transfers in clear.items():
            yield state_of(reference, transfers)

    def _sources(self, provider_id: str) -> list[TransferData]:
        """The transfers from which money can be sent back."""
        if is_reference(provider_id):
            return list(self._with_reference(provider_id).values())
        return [self._client.transfer(provider_id)]

    def _with_reference(self, reference: str) -> dict[str, TransferData]:
        """The transfers with exactly this reference, by the bank's id. The bank's search may find others too."""
        found = self._client.with_reference(reference)
        return {one.id: one for one in found if one.reference == reference}


def _can_give(transfer: TransferData, amount: Amount) -> bool:
    is_booked = transfer.booked_on is not None
    return is_booked and transfer.currency == amount.currency and transfer.left_micros >= amount.micros
