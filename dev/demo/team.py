"""The team journey: an organisation, its members, their roles, and the activity log."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyotp

from dev.demo.checks import require, require_equal
from dev.demo.client import Client
from dev.demo.people import Person, mailed_token
from dev.demo.story import Story

OFFICE = "198.51.100.7"
OFFICE_NETWORK = "198.51.100.0/24"
CAFE = "203.0.113.77"
_STEP_SECONDS = 30
_ORGANISATION = "Analytical Engines"


@dataclass
class TeamJourney(Story):
    """Ada creates an organisation and invites Bob."""

    bob: Person = field(default_factory=lambda: Person.made_up("Bob Babbage"))
    member: Client = field(init=False)
    """Bob's session."""
    key: str = ""
    project_id: str = ""
    bob_id: str = ""

    def run(self) -> None:
        """Run every step in order.

        Raises:
            StepFailed: a step failed; later steps were not run.
        """
        self.register()
        self._found()
        self._invite()
        self._turn_on_two_factor()
        self._make_a_key()
        self._use_the_key()
        self._be_refused()
        self._change_the_role()
        self._hand_over()
        self._read_the_log()

    def _found(self) -> None:
        with self.screen.step("She creates an organisation, and her session acts for it"):
            made = self.customer.post("/customers", {"name": _ORGANISATION}).data
            self.customer_id = made["id"]
            before = self.customer
            body = {"customerId": self.customer_id}
            access = before.post("/sessions/current/customer", body).data
            self.customer = before.signed_in(access["accessToken"])
            current = self.customer.get("/me").data["currentCustomerId"]
            require_equal("the session's customer", current, self.customer_id)
            require_equal("the token from before", before.get("/me").code, "UNAUTHORIZED")
            self.screen.done(f"{_ORGANISATION}: {self.customer_id}; the earlier access token is refused")

    def _invite(self) -> None:
        with self.screen.step("She invites Bob by mail; he accepts, which registers and verifies him"):
            invited = {"email": self.bob.email, "role": "developer"}
            self.customer.post("/members/invitations", invited).data["id"]
            subject, token = mailed_token(self.endpoints["mailbox"], self.bob.email)
            self.screen.done(f"mail to {self.bob.email}: “{subject}”")
            found = self.api.get(f"/invitations/{token}").data
            require_equal(
                "what he is invited to", (found["customerName"], found["role"]), (_ORGANISATION, "developer")
            )
            account = {"name": self.bob.name, "password": self.bob.password}
            body = {"token": token, "newAccount": account}
            self.api.post("/invitations/accept", body).data["customerId"]
            require_equal("the same link again", self.api.post("/invitations/accept", body).status, 400)
            self.member = self.bob.sign_in(self.api)
            self.bob_id = self.member.get("/me").data["user"]["id"]
            self._show_members()

    def _turn_on_two_factor(self) -> None:
        with self.screen.step("Bob turns on a second factor; signing in takes two steps from now on"):
            secret = self.member.post("/security/2fa/setup", {"password": self.bob.password}).data["secret"]
            now = int(time.time()) // _STEP_SECONDS  # the next code is valid too
            app = pyotp.HOTP(secret)
            codes = self.member.post("/security/2fa/confirm", {"code": app.at(now)}).data["recoveryCodes"]
            self.screen.done(f"on, with {len(codes)} recovery codes")
            credentials = {"email": self.bob.email, "password": self.bob.password}
            pending = self.api.post("/auth/login", credentials).data
            require("a code to be asked for", pending, holds=pending["requires2FA"])
            answer = self._finish(pending, app.at(now + 1))
            self.member = self.api.signed_in(answer["accessToken"])
            again = self.api.post("/auth/login", credentials).data
            replayed = self.api.post("/auth/2fa", {"pendingToken": again["pendingToken"], "code": app.at(now + 1)})
            require_equal("the same code again", replayed.code, "INVALID_TWO_FACTOR_CODE")
            self.screen.done("signed in with a code, which works only once")

    def _finish(self, pending: Mapping[str, Any], code: str) -> Any:
        return self.api.post("/auth/2fa", {"pendingToken": pending["pendingToken"], "code": code}).data

    def _make_a_key(self) -> None:
        with self.screen.step("He creates an API key: for one project, only from the office"):
            self.project_id = self.member.post("/projects", {"name": "Difference engine"}).data["id"]
            wish = {
                "name": "deploys",
                "scopes": ["deployments:*", "projects:read"],
                "cidrs": [OFFICE_NETWORK],
                "projectId": self.project_id,
            }
            made = self.member.post("/api-keys", wish).data
            self.key = made["key"]
            self.screen.done(
                f"{self.key[:14]}… is shown this once; project {self.project_id}, network {OFFICE_NETWORK}"
            )
            beyond = self.member.post("/api-keys", {"name": "more", "scopes": ["billing:write"]})
            require_equal("a key that may do more than he", beyond.code, "FORBIDDEN")
            self.screen.done("a key that could do more than its maker is refused")

    def _use_the_key(self) -> None:
        with self.screen.step("The key works from the office, and from nowhere else"):
            require_equal("its deployments", self._key_at(OFFICE).get("/deployments").data, [])
            seen = [project["id"] for project in self._key_at(OFFICE).get("/projects").data]
            require_equal("the projects that it sees", seen, [self.project_id])
            self.screen.done(f"from {OFFICE}: let in")
            cafe = self._key_at(CAFE)
            require_equal(f"its use from {CAFE}", cafe.get("/deployments").code, "ADDRESS_NOT_ALLOWED")
            forged = cafe.call("GET", "/deployments", headers={"X-Forwarded-For": OFFICE})
            require_equal("its use with a forged address", forged.code, "ADDRESS_NOT_ALLOWED")
            self.screen.done(f"from {CAFE}: refused, also when it pretends to be in the office")

    def _be_refused(self) -> None:
        with self.screen.step("The key and its maker are refused what their scopes do not allow"):
            answer = self._key_at(OFFICE).get("/billing/balance")
            require_equal("the key at the balance", answer.code, "FORBIDDEN")
            require("the missing scope to be named", answer.refusal(), holds="billing:read" in answer.refusal())
            require_equal("Bob at the balance", self.member.get("/billing/balance").code, "FORBIDDEN")
            removed = self.member.delete(f"/members/{self.bob_id}")
            require_equal("Bob at the members", removed.code, "FORBIDDEN")
            self.screen.done("refused, with the scope that is missing")

    def _change_the_role(self) -> None:
        with self.screen.step("Ada gives him the role billing: it counts at once, in his present session"):
            changed = self.customer.call("PATCH", f"/members/{self.bob_id}", body={"role": "billing"})
            require_equal("his role", changed.data["role"], "billing")
            self.member.get("/billing/balance").data["posted"]
            refused = self.member.post("/projects", {"name": "Another"})
            require_equal("Bob at the projects", refused.code, "FORBIDDEN")
            require_equal("his key", self._key_at(OFFICE).get("/deployments").code, "UNAUTHORIZED")
            self.screen.done(
                "he sees the balance, makes no projects, and his key, which could do more, is revoked"
            )

    def _hand_over(self) -> None:
        with self.screen.step("She transfers the organisation to Bob: there is always one owner"):
            body = {"userId": self.bob_id, "password": self.ada.password}
            self.customer.post("/ownership-transfers", body).data["expiresAt"]
            subject, token = mailed_token(self.endpoints["mailbox"], self.bob.email, "own")
            self.screen.done(f"mail to {self.bob.email}: “{subject}”")
            self.member.post("/ownership-transfers/accept", {"token": token}).data["role"]
            roles = self._show_members()
            require_equal("their roles", sorted(roles), ["admin", "owner"])

    def _show_members(self) -> list[str]:
        members = list(self.customer.pages("/members"))
        rows = [[member["name"], member["email"], member["role"]] for member in members]
        self.screen.table(["name", "address", "role"], rows)
        return [member["role"] for member in members]

    def _read_the_log(self) -> None:
        with self.screen.step("The activity log shows who did what, from where, and what was denied"):
            names = {self.bob_id: "Bob"}
            log = list(reversed(list(self.customer.pages("/activity/recent"))))
            self.screen.table(
                ["", "who", "did", "to", "from"],
                [_row(number, entry, names) for number, entry in enumerate(log, start=1)],
            )
            found = {(entry["action"], entry["outcome"], entry["code"]) for entry in log}
            missing = _EXPECTED - found
            require("nothing to be missing from the log", sorted(missing), holds=not missing)
            by_key = [entry for entry in log if entry["apiKeyId"]]
            require(
                "the key's denied calls with their address", by_key, holds=any(e["ip"] == CAFE for e in by_key)
            )
            denied = sum(entry["outcome"] == "denied" for entry in log)
            self.screen.done(f"{len(log)} entries, {denied} of them denied")

    def _key_at(self, address: str) -> Client:
        """A client that uses the API key from the IP address `address`."""
        return Client(self.endpoints["api"], self.key, {"X-Local-Source-Ip": address})


_EXPECTED = {
    ("invite_member", "done", None),
    ("accept_invitation", "done", None),
    ("confirm_two_factor", "done", None),
    ("create_project", "done", None),
    ("create_api_key", "done", None),
    ("create_api_key", "denied", "FORBIDDEN"),
    ("list_deployments", "denied", "ADDRESS_NOT_ALLOWED"),
    ("remove_member", "denied", "FORBIDDEN"),
    ("change_member_role", "done", None),
    ("offer_ownership", "done", None),
    ("accept_ownership", "done", None),
}


def _row(number: int, entry: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    who = "his key" if entry["apiKeyId"] else names.get(entry["userId"], "Ada")
    did = entry["action"] + (f" · {entry['code']}" if entry["code"] else "")
    to = ", ".join(names.get(value, value) for value in entry["targets"].values())
    return [str(number), who, did, to if len(to) <= 44 else f"{to[:43]}…", entry["ip"] or ""]
