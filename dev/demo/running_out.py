"""The end of the payments journey: a saved card tops up the balance, until a payment is taken back."""

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dev.demo import bill as billing
from dev.demo.checks import await_value, require, require_equal
from dev.demo.client import Client
from dev.demo.cloud import run_schedule
from dev.demo.people import new_public_key
from dev.demo.story import Story

AUTOMATIC = Decimal("25.00")
PAID_AGAIN = Decimal("50.00")
_MACHINE = {"region": "montreal", "instanceType": "cpu-2x4", "imageId": "ubuntu-22.04"}
_MACHINE_SECONDS = 180.0
_PAUSE_SECONDS = 2.0


@dataclass
class RunningOut(Story):
    """A customer's machine is stopped when the balance is used up, and runs again after a payment."""

    deployment_id: str = ""

    def run_beside(self, staff: Client) -> None:
        """Run every step in order, with an owner who has already signed in.

        Raises:
            StepFailed: a step failed; later steps were not run.
        """
        self.staff = staff
        self.register()
        intent = self._let_a_saved_card_pay()
        self._deploy()
        self._lose_the_money(intent)
        self._pay_again()
        self._delete()
        self._read_the_invoice()

    def _let_a_saved_card_pay(self) -> str:
        """Save a card and turn on auto top-up with it; return the PaymentIntent of the first automatic charge."""
        with self.screen.step("She saves a card, and turns on auto top-up below $20"):
            secret = self.customer.post("/billing/payment-methods").data["clientSecret"]
            self.payers.do("stripe", f"/setups/{secret.partition('_secret')[0]}/save")
            (method,) = self.customer.get("/billing/payment-methods").data
            rule = {
                "enabled": True,
                "lowLimit": "20.00",
                "topUpAmount": str(AUTOMATIC),
                "methodId": method["id"],
                "monthlyCap": "100.00",
            }
            self.screen.done(f"{method['label']}, which can be charged without her")
            self.customer.call("PUT", "/billing/auto-topup", body=rule).data["enabled"]
            run_schedule(self.endpoints, "auto_top_up")
            self.await_balance(AUTOMATIC)
            run_schedule(self.endpoints, "auto_top_up")
            require_equal("a second charge", billing.amount(self.balance()["posted"]), AUTOMATIC)
            self.customer.call("PUT", "/billing/auto-topup", body={**rule, "enabled": False}).data["enabled"]
            (charged,) = self.customer.pages("/billing/topups")
            self.screen.done(f"{charged['id']}: ${AUTOMATIC} charged once; she turns auto top-up off again")
        payments = self.payers.look("stripe", "/state")["payments"]
        return str(next(one["id"] for one in payments if one["metadata"].get("top_up_id") == charged["id"]))

    def _deploy(self) -> None:
        with self.screen.step("She runs a machine"):
            key = self.customer.post("/ssh-keys", {"name": "laptop", "publicKey": new_public_key("ada")}).data
            wanted = {**_MACHINE, "sshKeyId": key["id"]}
            accepted = self.customer.post("/deployments", wanted, idempotency_key=secrets.token_hex(8)).data
            self.deployment_id = accepted["deploymentId"]
            self._await_status("ACTIVE")
            self.screen.done(f"{self.deployment_id} is ACTIVE")

    def _lose_the_money(self, intent: str) -> None:
        with self.screen.step("Her bank takes the payment back: nothing is left, and the machine is stopped"):
            dispute = self.payers.do("stripe", f"/payments/{intent}/dispute")
            self._await_status("SUSPENDED")
            self.payers.do("stripe", f"/disputes/{dispute['id']}", status="lost")
            balance = await_value("a debt", self._debt, deadline_seconds=30, pause_seconds=_PAUSE_SECONDS)
            require_equal("what still burns", billing.amount(balance["burnPerHour"]), Decimal(0))
            refused = self.customer.post("/deployments/quote", _MACHINE).data
            require("a warning in every quote", refused["warnings"], holds=bool(refused["warnings"]))
            suspension = balance["suspension"]
            self.screen.done(
                f"stopped; she owes ${balance['debt']['amount']}; deleted at {suspension['deletesAt']}"
            )

    def _debt(self) -> Any:
        balance = self.balance()
        return balance if billing.amount(balance["debt"]) > 0 else None

    def _pay_again(self) -> None:
        with self.screen.step("She pays, and the machine runs again by itself"):
            body = {"amount": str(PAID_AGAIN)}
            asked = self.customer.post("/billing/topups/card", body, idempotency_key=secrets.token_hex(8)).data
            self.payers.pay_by_card(asked["checkout"])
            self._await_status("ACTIVE")
            self.screen.done(f"${PAID_AGAIN} paid; ACTIVE, and metered again")

    def _delete(self) -> None:
        with self.screen.step("She deletes it"):
            self.customer.delete(f"/deployments/{self.deployment_id}").data["operationId"]
            self._await_status("DELETED")
            usage = self.customer.get(f"/deployments/{self.deployment_id}/usage").data
            require("intervals that tile and sum", usage["proof"], holds=all(_proven(usage["proof"])))
            self.screen.done(f"${usage['total']['amount']} for both periods in which it ran")

    def _read_the_invoice(self) -> None:
        with self.screen.step("Her invoice"):
            self.staff.post(f"/v1/admin/customers/{self.customer_id}/invoices", {"reason": "For the demo"}).data[
                "number"
            ]
            (listed,) = self.customer.pages("/billing/invoices")
            invoice = self.customer.get(f"/billing/invoices/{listed['id']}").data
            require("a PDF to download", invoice["pdfUrl"], holds=bool(invoice["pdfUrl"]))
            self.screen.done(f"{invoice['number']}: {invoice['pdfUrl'].partition('?')[0]}")

    def _await_status(self, status: str) -> None:
        def reached() -> bool | None:
            found = self.customer.get(f"/deployments/{self.deployment_id}").data
            return found["status"] == status or None

        self.screen.waiting(f"waiting for {status}")
        await_value(
            f"{self.deployment_id} to be {status}",
            reached,
            deadline_seconds=_MACHINE_SECONDS,
            pause_seconds=_PAUSE_SECONDS,
        )


def _proven(proof: Any) -> list[bool]:
    return [proof["tiles"], proof["sums"]]
