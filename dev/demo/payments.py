"""The payments journey: every way to pay in, and every way in which money goes back."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dev.demo import bill as billing
from dev.demo.checks import await_value, require_equal
from dev.demo.cloud import run_schedule
from dev.demo.running_out import RunningOut
from dev.demo.story import Story

CRYPTO = Decimal("30.00")
CRYPTO_IN_TIME = Decimal("12.00")
BANK_EUR = Decimal("100.00")
BANK_GBP = Decimal("40.00")
PAYPAL = Decimal("20.00")
PAYPAL_DISPUTED = Decimal("8.00")
PAYPAL_REFUNDED = Decimal("5.00")
CARD = Decimal("50.00")
REPLAYS = 20

_QUEUE_SECONDS = 30.0


@dataclass
class PaymentsJourney(Story):
    """A customer pays in four ways; some payments are refunded or disputed."""

    expected: Decimal = Decimal(0)
    """The expected balance so far."""
    order_id: str = ""
    """The id of the order at PayPal."""
    card_checkout: Mapping[str, Any] | None = None

    def run(self) -> None:
        """Run every step in order.

        Raises:
            StepFailed: a step failed; later steps were not run.
        """
        self.meet_the_owner()
        self.register()
        self._pay_by_crypto()
        self._pay_by_bank()
        self._forget_the_reference()
        self._pay_by_paypal()
        self._win_a_dispute()
        self._refund()
        self._pay_by_card()
        self._lose_a_dispute()
        self._read_the_books()
        self._compare_with_gateways()
        RunningOut(self.screen, self.endpoints, self.home).run_beside(self.staff)
        self.verify_ledger()

    def _pay_by_crypto(self) -> None:
        with self.screen.step("Crypto: a part in time, the rest after the invoice has expired"):
            body = {"amount": str(CRYPTO), "asset": "USDT", "chain": "Polygon"}
            asked = self._ask("crypto", body)
            checkout, invoice = asked["checkout"], f"/invoices/{asked['id']}"
            amount = f"{checkout['payAmount']} {checkout['payCurrency']}"
            self.screen.done(f"{amount} to {checkout['address']} ({checkout['network']})")
            self.payers.do("btcpay", f"{invoice}/pay", amount=str(CRYPTO_IN_TIME), confirm=False)
            self.await_top_up(asked["id"], "PROCESSING", "PARTIALLY_PAID")
            require_equal(
                "the balance before confirmation", billing.amount(self.balance()["posted"]), self.expected
            )
            self.payers.do("btcpay", f"{invoice}/confirm")
            self._credited(CRYPTO_IN_TIME, "what was confirmed is credited, though it is too little")
            self.payers.do("btcpay", f"{invoice}/expire")
            expired = self.await_top_up(asked["id"], "EXPIRED")
            require_equal("its flags", expired["flags"], ["underpaid"])
            self.payers.do("btcpay", f"{invoice}/pay")
            self._credited(CRYPTO - CRYPTO_IN_TIME, "the rest is credited, though the invoice has expired")
            paid = self.await_top_up(asked["id"], "SETTLED")
            require_equal("its flags", paid["flags"], ["late"])

    def _pay_by_bank(self) -> None:
        with self.screen.step("Bank transfer: matched by its reference, credited at the rate of the table"):
            rates = {rate["currency"]: Decimal(rate["value"]) for rate in self.staff.get("/v1/admin/rates").data}
            asked = self._ask("bank-transfer", {"amount": str(BANK_EUR), "currency": "EUR"})
            instructions = asked["checkout"]["instructions"]
            for label in ("beneficiary", "iban", "reference"):
                self.screen.say(f"{label:<12} {instructions[label]}")
            text = f"hearth top-up {_as_people_type(instructions['reference'])}, thank you"
            self.payers.do("bank", "/pay", text=text, amount=str(BANK_EUR), currency="EUR")
            self._credited(BANK_EUR * rates["EUR"], f"“{text}”: €{BANK_EUR} at {rates['EUR']}")

    def _forget_the_reference(self) -> None:
        with self.screen.step("Bank transfer without a reference: it waits for staff, and is assigned once"):
            asked = self._ask("bank-transfer", {"amount": str(BANK_GBP), "currency": "GBP"})
            text = f"for Ada, {secrets.token_hex(4)}"
            self.payers.do("bank", "/pay", text=text, amount=str(BANK_GBP), currency="GBP")
            waiting = self._await_unmatched(text)
            self.screen.done(f"£{waiting['amount']['amount']} “{text}” waits: {waiting['reason']}")
            path = f"/v1/admin/bank/unmatched/{waiting['id']}/assign"
            decision = {"topUpId": asked["id"], "note": "She sent the receipt of her bank."}
            assigned = self.staff.post(path, decision).data
            require_equal("its state", assigned["state"], "assigned")
            require_equal("a second assignment", self.staff.post(path, decision).code, "CONFLICT")
            rate = Decimal(self.top_up(asked["id"])["exchangeRate"])
            self._credited(BANK_GBP * rate, f"assigned: £{BANK_GBP} at {rate}")
            statement = self.payers.read("bank", "/statements/camt.053.001.08")
            again = self.staff.post("/v1/admin/bank/statements", {"content": statement}).data
            require_equal("what a statement adds", (again["credited"], again["unmatched"]), ([], []))
            self.screen.done(f"the day's statement is imported: {len(again['known'])} transfers, all known")

    def _await_unmatched(self, text: str) -> Any:
        def found() -> Any:
            queue = self.staff.pages("/v1/admin/bank/unmatched")
            return next((one for one in queue if text in one["text"]), None)

        return await_value(
            f"“{text}” in the staff's queue", found, deadline_seconds=_QUEUE_SECONDS, pause_seconds=1
        )

    def _pay_by_paypal(self) -> None:
        with self.screen.step("PayPal: approved on its page, captured by Hearth"):
            asked = self._ask("paypal", {"amount": str(PAYPAL)})
            self.screen.done(f"she is sent to {asked['checkout']['redirectUrl']}")
            self.order_id = self.payers.do("paypal", f"/orders/{asked['id']}/approve")["id"]
            self._credited(PAYPAL, "captured")

    def _win_a_dispute(self) -> None:
        with self.screen.step("A PayPal dispute freezes its amount, and gives it back when it is won"):
            path = f"/captures/{self.order_id}/dispute"
            dispute = self.payers.do("paypal", path, amount=str(PAYPAL_DISPUTED))
            self._frozen(PAYPAL_DISPUTED)
            self.payers.do("paypal", f"/disputes/{dispute['id']}/win")
            balance = self.await_balance(self.expected, "available")
            require_equal("what is frozen", billing.amount(balance["held"]), Decimal(0))
            self.screen.done("won: nothing is frozen, nothing was debited")

    def _refund(self) -> None:
        with self.screen.step("A refund made at PayPal's website is booked in the ledger"):
            self.payers.do("paypal", f"/captures/{self.order_id}/refund", amount=str(PAYPAL_REFUNDED))
            self._credited(-PAYPAL_REFUNDED, "a new entry; the old one stays as it was")

    def _pay_by_card(self) -> None:
        with self.screen.step(f"Card: one payment, told of {REPLAYS + 1} times"):
            asked = self._ask("card", {"amount": str(CARD)})
            self.card_checkout = asked["checkout"]
            self.payers.pay_by_card(asked["checkout"])
            self._credited(CARD, "paid")
            event_id = self.payers.newest_webhook("stripe")
            answers = self.payers.send_again("stripe", event_id, times=REPLAYS)
            require_equal("the answers", set(answers), {200})
            require_equal("the balance", billing.amount(self.balance()["posted"]), self.expected)
            self.screen.done(f"{REPLAYS} replays acknowledged, none credited")

    def _lose_a_dispute(self) -> None:
        with self.screen.step("Her bank disputes the card payment: frozen at once, debited when it is lost"):
            intent = (self.card_checkout or {})["clientSecret"].partition("_secret")[0]
            dispute = self.payers.do("stripe", f"/payments/{intent}/dispute")
            self._frozen(CARD)
            self.payers.do("stripe", f"/disputes/{dispute['id']}", status="lost")
            self._credited(-CARD, "lost: debited as a chargeback")
            self.await_balance(self.expected, "available")

    def _read_the_books(self) -> None:
        with self.screen.step("Her ledger has one entry for each movement, and adds up"):
            entries = list(self.customer.pages("/billing/ledger"))
            entries.sort(key=lambda entry: entry["sequence"])
            self.screen.table(
                ["", "type", "amount", "balance", "from", "to"],
                [_row(entry) for entry in entries],
            )
            kinds = [entry["type"] for entry in entries]
            require_equal("the entries", kinds, [*["top_up"] * 5, "refund", "top_up", "chargeback"])
            require_equal("their sum", _sum(entries), self.expected)
            top_ups = {one["method"]: one for one in self.customer.pages("/billing/topups")}
            require_equal("the ways she paid", set(top_ups), {"crypto", "bank_transfer", "paypal", "card"})
            self.screen.done(f"{len(entries)} entries, ${self.expected:.2f}")

    def _compare_with_gateways(self) -> None:
        with self.screen.step("The gateways' lists of payments and the ledger agree, both ways"):
            found = run_schedule(self.endpoints, "compare_payments")
            require_equal("differences", found["differences"], [])
            listed = ", ".join(f"{name} {count}" for name, count in sorted(found["payments"].items()))
            self.screen.done(f"listed: {listed}; in the ledger: {found['entries']}; differences 0")

    def _ask(self, way: str, body: Mapping[str, str]) -> Any:
        """Create a top-up."""
        path = f"/billing/topups/{way}"
        return self.customer.post(path, body, idempotency_key=secrets.token_hex(8)).data

    def _credited(self, change: Decimal, what: str) -> None:
        """Wait until the balance has changed by `change`."""
        self.expected += change
        self.await_balance(self.expected)
        self.screen.done(f"{what}: {_signed(change)}, balance ${self.expected:.2f}")

    def _frozen(self, amount: Decimal) -> None:
        """Wait until `amount` of the balance is frozen: the customer still has it, but cannot spend it."""
        balance = self.await_balance(amount, "held")
        found = {name: billing.amount(balance[name]) for name in ("posted", "available")}
        require_equal("the balance", found, {"posted": self.expected, "available": self.expected - amount})
        self.screen.done(
            f"${amount} is frozen: ${self.expected - amount:.2f} of ${self.expected:.2f} can be spent"
        )


def _as_people_type(reference: str) -> str:
    """The reference in lower case and groups of four characters, as people may type it."""
    letters = reference.replace(" ", "").lower()
    return " ".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _row(entry: Mapping[str, Any]) -> list[str]:
    amounts = (f"{billing.amount(entry[name]):.2f}" for name in ("amount", "balanceAfter"))
    return [str(entry["sequence"]), entry["type"], *amounts, entry["source"], entry["destination"]]


def _sum(entries: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((billing.amount(entry["amount"]) for entry in entries), Decimal(0))


def _signed(change: Decimal) -> str:
    return f"{'−' if change < 0 else '+'}${abs(change):.2f}"
