"""Bank transfers as a payment gateway.

A top-up's `provider_id` is its reference, which is made from its id: nobody needs to be asked. The bank does not
know how much was asked, so that a state is SETTLED as soon as anything has come; comparing is the service's part.

Money that names no top-up, or several, or one in another currency, has the bank's own id of the transfer for a
`provider_id`, which `fetch` and `transfer` take too; its state bears MANUAL_REVIEW. So does, in a webhook, a
reference that was typed with look-alikes, but the state that is fetched has the reference that it was read as.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

from chalicelib.adapters.gateways.bank import webhooks
from chalicelib.adapters.gateways.bank.client import BankClient, decimal_text
from chalicelib.adapters.gateways.bank.config import BankConfig
from chalicelib.adapters.gateways.bank.wire import TransferData, state_of
from chalicelib.domain.money.bank.references import CURRENCY_LETTERS, is_reference, reference_of
from chalicelib.domain.money.bank.transfers import Transfer, numbered
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
    """The accounts of one bank. Sends money back, lists what came, and tells of money that names no top-up."""

    name = "bank"

    def __init__(self, config: BankConfig) -> None:
        self._config = config
        self._client = BankClient(config)

    @property
    def accounts(self) -> frozenset[str]:
        """What statements may call our accounts, squeezed."""
        return frozenset(number for account in self._config.accounts.values() for number in account.numbers)

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        """Where to send the money, and under which reference. Asks nobody.

        Raises:
            GatewayRefused: there is no account in this currency.
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
        """What has come for `top_up`; None while nothing has, as nothing is made at the bank."""
        if top_up.amount.currency not in CURRENCY_LETTERS:
            return None
        reference = reference_of(top_up.id, top_up.amount.currency)
        found = self._with_reference(reference)
        return state_of(reference, found.values()) if found else None

    def fetch(self, provider_id: str) -> PaymentState:
        """Everything that came under a reference, or one transfer by the bank's id of it.

        Raises:
            GatewayRefused: it is neither.
        """
        if is_reference(provider_id):
            return state_of(provider_id, self._with_reference(provider_id).values())
        one = self._client.transfer(provider_id)
        reference = one.reference
        if reference is None:
            return state_of(one.id, [one], frozenset({Flag.MANUAL_REVIEW}))
        # The bank may not find by the reference what was typed with look-alikes.
        return state_of(reference, {**self._with_reference(reference), one.id: one}.values())

    def transfer(self, provider_id: str) -> Transfer | None:
        """One transfer by the bank's id of it; None where it is not booked yet.

        Raises:
            GatewayRefused: there is no such transfer.
        """
        return self._client.transfer(provider_id).transfer

    def transfers(self, provider_id: str) -> list[Transfer]:
        """The booked transfers under a reference, or one by the bank's id of it.

        Raises:
            GatewayRefused: it is neither.
        """
        if is_reference(provider_id):
            found = self._with_reference(provider_id).values()
        else:
            found = {provider_id: self._client.transfer(provider_id)}.values()
        return numbered(one.transfer for one in found if one.transfer)

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        """The notice in a webhook; see `webhooks.verify`."""
        return webhooks.verify(raw_body, headers, now, self._config.webhook_secrets)

    def refund(self, provider_id: str, amount: Amount, key: str) -> Refund:
        """Send `amount` back to the account that it came from; the same `key` again gives the same refund.

        Args:
            provider_id: a top-up's reference, or the bank's id of one transfer, which no top-up may have.
            amount: in whole cents.
            key: ours, which the bank keeps with the return.

        Raises:
            GatewayRefused: no single transfer has as much left.
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
        """What was credited in [since, until): by reference, and each transfer without one by itself."""
        clear: defaultdict[str, list[TransferData]] = defaultdict(list)
        for one in self._client.credited(since, until):
            if one.reference is None:
                yield state_of(one.id, [one], frozenset({Flag.MANUAL_REVIEW}))
            else:
                clear[one.reference].append(one)
        for reference, transfers in clear.items():
            yield state_of(reference, transfers)

    def _sources(self, provider_id: str) -> list[TransferData]:
        """The transfers that money can be sent back from, as they came."""
        if is_reference(provider_id):
            return list(self._with_reference(provider_id).values())
        return [self._client.transfer(provider_id)]

    def _with_reference(self, reference: str) -> dict[str, TransferData]:
        """By the bank's ids. The bank's search may find more than names this reference alone."""
        found = self._client.with_reference(reference)
        return {one.id: one for one in found if one.reference == reference}


def _can_give(transfer: TransferData, amount: Amount) -> bool:
    is_booked = transfer.booked_on is not None
    return is_booked and transfer.currency == amount.currency and transfer.left_micros >= amount.micros
