"""The base of every journey: the people, the cloud, the screen, and shared steps."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from dev.demo import bill as billing
from dev.demo.checks import await_value, require, require_equal
from dev.demo.client import Client
from dev.demo.cloud import Endpoints, run_schedule
from dev.demo.payers import Payers
from dev.demo.people import Person, mailed_token, staff_owner
from dev.demo.screen import Screen
from dev.localcloud.home import Home

_BOOKING_SECONDS = 30.0


@dataclass
class Story:
    """A customer's journey through the cloud at `endpoints`; `screen` shows each step."""

    screen: Screen
    endpoints: Endpoints
    home: Home
    api: Client = field(init=False)
    payers: Payers = field(init=False)
    staff: Client = field(init=False)
    ada: Person = field(init=False)
    """The person who is the customer."""
    customer: Client = field(init=False)
    """The customer's session."""
    customer_id: str = ""

    def __post_init__(self) -> None:
        self.api = Client(self.endpoints["api"])
        self.payers = Payers(self.endpoints["simulators"])

    def meet_the_owner(self) -> None:
        """Sign in the installation's owner."""
        with self.screen.step("The operator's owner signs in"):
            owner, is_new = staff_owner(self.api, self.home)
            self.staff = owner.sign_in(self.api)
            profile = self.staff.get("/me").data
            require_equal("the staff role", profile["staffRole"], "OWNER")
            self.screen.done(f"{'created, and ' if is_new else ''}signed in as {owner.email}, staff role OWNER")

    def register(self) -> None:
        """Register the customer of this journey."""
        with self.screen.step("A customer registers, follows the mailed link and signs in"):
            self.ada = ada = Person.made_up("Ada Lovelace")
            self.api.post("/auth/register", ada.registration()).data["message"]
            early = self.api.post("/auth/login", {"email": ada.email, "password": ada.password})
            require_equal("an unverified sign-in", early.code, "EMAIL_NOT_VERIFIED")
            subject, token = mailed_token(self.endpoints["mailbox"], ada.email)
            self.screen.done(f"mail to {ada.email}: “{subject}”")
            self.api.post("/auth/verify-email", {"token": token}).data["message"]
            self.customer = ada.sign_in(self.api)
            self.customer_id = self.customer.get("/me").data["currentCustomerId"]
            require("a customer of her own", self.customer_id, holds=bool(self.customer_id))
            self.screen.done(f"verified and signed in: {self.customer_id}")

    def verify_ledger(self) -> None:
        """Run the proof now, without waiting for the night."""
        with self.screen.step("The proof of the ledger finds no difference"):
            proof = run_schedule(self.endpoints, "ledger_proof")
            require_equal("differences", proof["differences"], [])
            require("this customer to be in it", proof, holds=proof["customers"] >= 1)
            self.screen.done(f"customers {proof['customers']}, entries {proof['entries']}, differences 0")

    def balance(self) -> Any:
        """The customer's balance, from the API."""
        return self.customer.get("/billing/balance").data

    def await_balance(self, wanted: Decimal, name: str = "posted") -> Any:
        """Wait until the balance's field `name` is `wanted`, and return the balance.

        Raises:
            StepFailed: it was not `wanted` in time.
        """

        def reached() -> Any:
            balance = self.balance()
            return balance if billing.amount(balance[name]) == wanted else None

        self.screen.waiting("waiting for the webhook to be booked")
        wanted_text = f"a {name} balance of ${wanted}"
        return await_value(wanted_text, reached, deadline_seconds=_BOOKING_SECONDS, pause_seconds=1)

    def top_up(self, top_up_id: str) -> Any:
        """One of the customer's top-ups, from the API."""
        return self.customer.get(f"/billing/topups/{top_up_id}").data

    def await_top_up(self, top_up_id: str, *statuses: str) -> Any:
        """Wait until one of the customer's top-ups has one of these statuses, and return it.

        Raises:
            StepFailed: it did not get one in time.
        """

        def reached() -> Any:
            top_up = self.top_up(top_up_id)
            return top_up if top_up["status"] in statuses else None

        self.screen.waiting(f"waiting for {' or '.join(statuses)}")
        wanted = f"{top_up_id} to be {' or '.join(statuses)}"
        return await_value(wanted, reached, deadline_seconds=_BOOKING_SECONDS, pause_seconds=1)
