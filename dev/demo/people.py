"""The two people of the story: the operator's first owner, and a customer."""

import json
import os
import re
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dev.demo.checks import StepFailed, await_value
from dev.demo.client import Client, ask
from dev.localcloud.home import Home, read_json

_MAIL_SECONDS = 20.0
_LINK = re.compile(r"[?&]token=([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    name: str
    email: str
    password: str

    @classmethod
    def made_up(cls, name: str) -> "Person":
        """Somebody new."""
        first_name = name.partition(" ")[0].lower()
        return cls(name, f"{first_name}-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(18))

    def registration(self) -> dict[str, str]:
        """The body that makes them known."""
        return {"name": self.name, "email": self.email, "password": self.password}

    def sign_in(self, api: Client) -> Client:
        """Their session.

        Raises:
            StepFailed: they cannot sign in.
        """
        body = {"email": self.email, "password": self.password}
        return api.signed_in(api.post("/auth/login", body).data["accessToken"])


def staff_owner(api: Client, home: Home) -> tuple[Person, bool]:
    """The installation's owner, and whether they were created just now; the home remembers them.

    An owner that somebody else created is given by HEARTH_OWNER_EMAIL and HEARTH_OWNER_PASSWORD.

    Raises:
        StepFailed: there is an owner that nobody told us of.
    """
    if email := os.environ.get("HEARTH_OWNER_EMAIL"):
        return Person("Owner", email, os.environ.get("HEARTH_OWNER_PASSWORD", "")), False
    remembered = home.folder / "owner.json"
    if known := read_json(remembered):
        return Person(**known), False
    owner = Person.made_up("Olga Owner")
    answer = api.post("/v1/setup", owner.registration())
    if answer.code == "CONFLICT":
        raise StepFailed(
            "to sign in as the owner of this installation",
            "an owner whom the demo did not create; set HEARTH_OWNER_EMAIL and HEARTH_OWNER_PASSWORD",
        )
    _ = answer.data
    remembered.touch(mode=0o600)
    remembered.write_text(json.dumps(vars(owner)))
    return owner, True


def mailed_token(mailbox: str, email: str) -> tuple[str, str]:
    """The subject of the newest mail to `email`, and the token in its link.

    Raises:
        StepFailed: no such mail came.
    """

    def newest() -> Any:
        messages = ask("GET", f"{mailbox}/messages", params={"to": email})
        return messages[0] if messages else None

    mail = await_value(f"a mail to {email}", newest, deadline_seconds=_MAIL_SECONDS, pause_seconds=0.2)
    link = _LINK.search(mail["text"])
    if link is None:
        raise StepFailed("a link in the mail", mail["text"])
    return str(mail["subject"]), link[1]


def new_public_key(comment: str) -> str:
    """A fresh Ed25519 key in OpenSSH's form; its private half is thrown away."""
    public_key = Ed25519PrivateKey.generate().public_key()
    return f"{public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"
