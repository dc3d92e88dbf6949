"""The main journey: from registration to a bill that is right to the micro-dollar."""

import secrets
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dev.demo import bill as billing
from dev.demo.checks import StepFailed, await_value, require, require_equal
from dev.demo.cloud import run_schedule
from dev.demo.inventory import remains_of
from dev.demo.people import new_public_key
from dev.demo.screen import Stopwatch
from dev.demo.story import Story
from dev.localcloud.targets import saved_target

CREDIT = "5.00"
TOP_UP = "25.00"
FUNDS = Decimal(CREDIT) + Decimal(TOP_UP)
REGION = "montreal"
INSTANCE_TYPE = "h100-pcie-1"
MACHINE = {
    "region": REGION,
    "instanceType": INSTANCE_TYPE,
    "imageId": "ubuntu-22.04",
    "storage": {"kind": "network", "sizeGb": 20},
}

_WELCOME = {"amount": CREDIT, "reason": "Welcome credit of the demo"}
_BUILD_SECONDS = 240.0
_REMOVAL_SECONDS = 120.0
_METERING_SECONDS = 30.0
_RUNNING_SECONDS = 4.0
_POLL_SECONDS = 1.5
"""Forty polls a minute; a session may send sixty requests."""


@dataclass
class Journey(Story):
    """A customer pays in advance, orders a machine, uses it, deletes it, and checks the bill."""

    ssh_key_id: str = ""
    deployment_id: str = ""
    price_per_hour: Decimal = Decimal(0)
    last_event: int = 0

    def run(self) -> None:
        """Run every step in order. Whatever happens, no machine stays behind.

        Raises:
            StepFailed: a step failed; later steps were not run.
        """
        try:
            self._take_every_step()
        except BaseException:
            self._remove_machine()
            raise

    def _take_every_step(self) -> None:
        self.meet_the_owner()
        self.register()
        self._welcome()
        self._top_up()
        self._add_ssh_key()
        self._browse()
        self._quote()
        self._deploy()
        self._watch_it_come()
        self._let_it_run()
        self._delete()
        self._settle()
        self.verify_ledger()
        self._look_for_remains()

    def _welcome(self) -> None:
        with self.screen.step("Staff give her a welcome credit, with a reason for the log"):
            path = f"/v1/admin/customers/{self.customer_id}/credits"
            refused = self.customer.post(path, _WELCOME)
            require_equal("a customer who credits herself", refused.code, "FORBIDDEN")
            self.staff.post(path, _WELCOME, idempotency_key=secrets.token_hex(8)).data["posted"]
            require_equal("the balance", self.balance()["available"]["amount"], CREDIT)
            (entry,) = self.customer.pages("/billing/ledger")
            require_equal("the first entry", (entry["sequence"], entry["type"]), (1, "credit"))
            self.screen.done(f"ledger entry 1: {entry['source']} → {entry['destination']}, ${CREDIT}")

    def _top_up(self) -> None:
        with self.screen.step("She pays by card; after the signed webhook, Hearth asks Stripe for the payment"):
            key = secrets.token_hex(8)
            asked = self.customer.post("/billing/topups/card", {"amount": TOP_UP}, idempotency_key=key).data
            require_equal("the credit before anybody has paid", self.balance()["posted"]["amount"], CREDIT)
            self.payers.pay_by_card(asked["checkout"])
            self.await_balance(FUNDS)
            paid = self.top_up(asked["id"])
            require_equal("the top-up", (paid["status"], paid["credited"]["amount"]), ("SETTLED", TOP_UP))
            entry = next(entry for entry in self.customer.pages("/billing/ledger") if entry["type"] == "top_up")
            self.screen.done(f"{asked['id']}: {entry['source']} → {entry['destination']}, ${TOP_UP}")
            event_id = self.payers.newest_webhook("stripe")
            forged = self.payers.send_again("stripe", event_id, times=1, forged=True)
            again = self.payers.send_again("stripe", event_id, times=3)
            require_equal("the answers to a forged webhook and three replays", forged + again, [400, *[200] * 3])
            require_equal("the balance after them", billing.amount(self.balance()["posted"]), FUNDS)
            self.screen.done(f"a forged webhook is refused, three replays change nothing: ${FUNDS}")

    def _add_ssh_key(self) -> None:
        with self.screen.step("The customer adds an SSH key"):
            key = {"name": "laptop", "publicKey": new_public_key("ada@laptop")}
            added = self.customer.post("/ssh-keys", key).data
            self.ssh_key_id = added["id"]
            self.screen.done(f"{added['algorithm']} {added['fingerprint']}")

    def _browse(self) -> None:
        with self.screen.step("She reads the catalogue, and which GPUs are free now"):
            types = {entry["id"]: entry for entry in self.api.pages("/catalog/instance-types", region=REGION)}
            require(f"{INSTANCE_TYPE} to be sold in {REGION}", sorted(types), holds=INSTANCE_TYPE in types)
            self.price_per_hour = billing.amount(types[INSTANCE_TYPE]["pricePerHour"])
            self.screen.done(
                f"{len(types)} instance types in {REGION}; {INSTANCE_TYPE} at ${self.price_per_hour} an hour"
            )
            stock = list(self.api.pages("/catalog/gpu-availability", region=REGION))
            rows = [
                [f"{s['model']} {s['link']}", str(s["available"]), s["status"], f"{s['ageSeconds']} s"]
                for s in stock
            ]
            self.screen.table(["GPU", "free", "figures", "age"], rows)
            room = {kind["id"]: kind["available"] for entry in stock for kind in entry["instanceTypes"]}
            require(f"room for {INSTANCE_TYPE}", room, holds=room.get(INSTANCE_TYPE) is True)

    def _quote(self) -> None:
        with self.screen.step("A quote"):
            quote = self.customer.post("/deployments/quote", MACHINE).data
            require_equal("what stands in its way", (quote["available"], quote["warnings"]), (True, []))
            self.price_per_hour = billing.amount(quote["pricePerHour"])
            hold = quote["hold"]["amount"]
            self.screen.done(f"${self.price_per_hour} an hour with 20 GB of network storage; ${hold} is held")

    def _deploy(self) -> None:
        with self.screen.step("She deploys it; the same request sent again makes no second machine"):
            body = {**MACHINE, "sshKeyId": self.ssh_key_id, "name": "first machine"}
            key = secrets.token_hex(8)
            first = self.customer.post("/deployments", body, idempotency_key=key)
            accepted = first.data
            require_equal("the answer", (first.status, accepted["status"]), (202, "PROVISIONING"))
            again = self.customer.post("/deployments", body, idempotency_key=key)
            require_equal(
                "the replay", (again.data, again.headers.get("Idempotency-Replayed")), (accepted, "true")
            )
            self.deployment_id = accepted["deploymentId"]
            self.screen.done(f"{self.deployment_id}, operation {accepted['operationId']}")

    def _watch_it_come(self) -> None:
        with self.screen.step("The state machine builds it"):
            self._watch("active", deadline_seconds=_BUILD_SECONDS)
            machine = self._deployment()
            require_equal("its status", machine["status"], "ACTIVE")
            addresses = machine["addresses"]
            require("a public address", addresses, holds=bool(addresses and addresses["publicIpv4"]))
            self.screen.done(f"ACTIVE at {addresses['publicIpv4']} (inside: {addresses['privateIpv4']})")
            there = remains_of(saved_target(self.home), self.deployment_id)
            require("the region to have its stack and server", there, holds=len(there) >= 2)
            self.screen.done(f"OpenStack itself has {', '.join(there)}")

    def _let_it_run(self) -> None:
        with self.screen.step("It runs, and is metered by the second"):
            for run in (1, 2):
                self.screen.waiting("letting it run for some seconds")
                time.sleep(_RUNNING_SECONDS)
                run_schedule(self.endpoints, "meter_usage")
                usage = self._await_usage(run)
                until = billing.instant(usage["billedUntil"])
                self.screen.done(f"metered until {until:%H:%M:%S}: ${usage['total']['amount']}")
            balance = self.balance()
            require_equal("the burn", billing.amount(balance["burnPerHour"]), self.price_per_hour)
            require(
                "a reserve, and time left",
                balance,
                holds=billing.amount(balance["held"]) > 0 and balance["runwaySeconds"] > 0,
            )
            money = {
                name: f"${balance[name]['amount']}" for name in ("posted", "held", "available", "burnPerHour")
            }
            self.screen.table(
                ["posted", "held", "available", "burn per hour", "time to empty"],
                [[*money.values(), _duration(balance["runwaySeconds"])]],
            )

    def _delete(self) -> None:
        with self.screen.step("She deletes it; billing ends with the request"):
            accepted = self.customer.delete(f"/deployments/{self.deployment_id}")
            require_equal("the answer", (accepted.status, accepted.data["status"]), (202, "DELETING"))
            usage = self._usage()[-1]
            require("a closed meter", usage, holds=usage["closed"])
            self.screen.done(f"the meter closed at {billing.instant(usage['billedUntil']):%H:%M:%S}")
            self._watch("deleted", deadline_seconds=_REMOVAL_SECONDS)
            require_equal("its status", self._deployment()["status"], "DELETED")

    def _settle(self) -> None:
        with self.screen.step("The bill, and her own calculation of it"):
            bill = billing.Bill.of(self._usage())
            rows = [
                [
                    str(number),
                    f"{line.start:%H:%M:%S}",
                    f"{line.end:%H:%M:%S}",
                    str(line.seconds),
                    f"${line.amount:.6f}",
                ]
                for number, line in enumerate(bill.intervals, start=1)
            ]
            footer = ["", "", "", str(bill.seconds), f"${bill.total:.6f}"]
            self.screen.table(["", "from", "to", "seconds", "amount"], rows, footer)
            bill.check()
            self.screen.done(
                f"{bill.seconds} s × ${bill.price_per_hour} ÷ 3600, rounded down = ${bill.total:.6f}, without gap"
            )
            entries = [e for e in self.customer.pages("/billing/ledger") if e["reference"] == self.deployment_id]
            bill.check_entries(entries)
            self.screen.done(f"{len(entries)} ledger entries, one for each interval, to the micro-dollar")
            balance = self.balance()
            left = FUNDS - bill.total
            found = {name: billing.amount(balance[name]) for name in ("posted", "available", "held")}
            require_equal("the balance", found, {"posted": left, "available": left, "held": Decimal(0)})
            self.screen.done(f"balance ${FUNDS} − ${bill.total:.6f} = ${left:.6f}, nothing held")

    def _look_for_remains(self) -> None:
        with self.screen.step("OpenStack has nothing left of the machine"):
            require_equal("what the region still has", remains_of(saved_target(self.home), self.deployment_id), [])
            self.screen.done("no stack, no server")

    def _remove_machine(self) -> None:
        """Remove the machine after a failed step, because in a real cloud it would keep running."""
        if not self.deployment_id:
            return
        self.screen.say("removing the machine …")
        try:
            self.customer.delete(f"/deployments/{self.deployment_id}")
            await_value(
                "the machine to be gone", self._is_gone, deadline_seconds=_REMOVAL_SECONDS, pause_seconds=2
            )
        except StepFailed as failed:
            self.screen.say(f"it may still be there: {failed}")

    def _is_gone(self) -> bool | None:
        return self._deployment()["status"] == "DELETED" or None

    def _watch(self, final: str, *, deadline_seconds: float) -> None:
        """Show new events of the timeline until the event `final`."""
        watch, path = Stopwatch(), f"/deployments/{self.deployment_id}/events"
        while watch.seconds < deadline_seconds:
            for event in self.customer.pages(path, after=self.last_event, limit=100):
                self.last_event = event["sequence"]
                self.screen.event(billing.instant(event["at"]), event["type"], event["message"])
                if event["type"] == final:
                    return
                if event["type"] == "failed":
                    raise StepFailed(f"the event {final}", event["message"])
            self.screen.waiting(f"waiting for {final}, {watch.seconds:.0f} s")
            time.sleep(_POLL_SECONDS)
        raise StepFailed(f"the event {final}", f"none within {deadline_seconds:.0f} s")

    def _await_usage(self, intervals: int) -> Any:
        """Wait until the usage has `intervals` intervals, and return it."""

        def found() -> Any:
            pages = self._usage()
            return pages[-1] if sum(len(page["intervals"]) for page in pages) >= intervals else None

        wanted = f"{intervals} metered intervals"
        return await_value(wanted, found, deadline_seconds=_METERING_SECONDS, pause_seconds=1)

    def _usage(self) -> list[Any]:
        path = f"/deployments/{self.deployment_id}/usage"
        pages = [self.customer.get(path).data]
        while pages[-1]["nextCursor"]:
            pages.append(self.customer.get(path, cursor=pages[-1]["nextCursor"]).data)
        return pages

    def _deployment(self) -> Any:
        return self.customer.get(f"/deployments/{self.deployment_id}").data


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    return f"{days} d {hours} h {rest // 60} min" if days else f"{hours} h {rest // 60} min"
