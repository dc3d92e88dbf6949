"""The two people of the story: the operator's first owner, and a customer."""

import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pyotp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dev.demo.checks import StepFailed, await_value
from dev.demo.client import Client, ask
from dev.localcloud.home import Home, read_json

_MAIL_SECONDS = 20.0
_STEP_SECONDS = 30
_REQUEST_SECONDS = 15
_SESSION_KEPT_SECONDS = 600.0
"""Of the quarter of an hour that an access token lasts."""
_LINK = re.compile(r"[?&]token=([A-Za-z0-9_.-]+)")


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


@dataclass(frozen=True)
class Owner(Person):
    """The installation's owner, whose authenticator app is a file; staff need a second factor."""

    memory: Path
    """Where the app's secret and the newest session are kept: a code works once, and comes every 30 s only."""

    def sign_in(self, api: Client) -> Client:
        """The newest session where it is good for a while, otherwise a new one.

        Raises:
            StepFailed: they cannot sign in.
        """
        kept = self._kept()
        if kept.get("access_token") and kept["good_until"] > time.time():
            session = api.signed_in(kept["access_token"])
            if session.get("/me").status == HTTPStatus.OK:
                return session
        body = {"email": self.email, "password": self.password}
        answer = api.post("/auth/login", body).data
        if not answer["requires2FA"]:
            return self._enrolled(api.signed_in(answer["accessToken"]))
        finish = {"pendingToken": answer["pendingToken"], "code": self._unused_code(kept)}
        return self._signed_in(api, api.post("/auth/2fa", finish).data["accessToken"])

    def forget_session(self) -> None:
        """Sign in with both factors the next time."""
        self._keep({"access_token": ""})

    def take_over(self, secret: str) -> None:
        """Be the app with this secret; the codes that it is known to have used stay used."""
        if self._kept().get("secret") != secret:
            self._keep({"secret": secret, "last_step": 0})

    def _enrolled(self, session: Client) -> Client:
        secret = session.post("/security/2fa/setup", {"password": self.password}).data["secret"]
        self.take_over(secret)
        code = self._unused_code(self._kept())
        _ = session.post("/security/2fa/confirm", {"code": code}).data["recoveryCodes"]
        return self._signed_in(session, str(session.access_token))

    def _signed_in(self, api: Client, access_token: str) -> Client:
        self._keep({"access_token": access_token, "good_until": time.time() + _SESSION_KEPT_SECONDS})
        return api.signed_in(access_token)

    def _unused_code(self, kept: Mapping[str, Any]) -> str:
        """The next code that was not used: the one before now is good still, and the one after already.

        The one before is passed over where it would expire on its way.

        Raises:
            StepFailed: nobody told us the secret of the app.
        """
        if "secret" not in kept:
            raise StepFailed("the owner's authenticator app", f"no secret in {self.memory}; set HEARTH_OWNER_TOTP")
        step = max(kept["last_step"] + 1, int(time.time() + _REQUEST_SECONDS) // _STEP_SECONDS - 1)
        time.sleep(max(0.0, (step - 1) * _STEP_SECONDS - time.time()))
        self._keep({"last_step": step})
        return pyotp.HOTP(kept["secret"]).at(step)

    def _kept(self) -> Mapping[str, Any]:
        return read_json(self.memory) or {}

    def _keep(self, news: Mapping[str, Any]) -> None:
        known = {**self._kept(), **news}
        self.memory.touch(mode=0o600)
        self.memory.write_text(json.dumps(known))


def staff_owner(api: Client, home: Home) -> tuple[Owner, bool]:
    """The installation's owner, and whether they were created just now; the home remembers them.

    An owner that somebody else created is given by HEARTH_OWNER_EMAIL, HEARTH_OWNER_PASSWORD and
    HEARTH_OWNER_TOTP, the base32 secret of their authenticator app.

    Raises:
        StepFailed: there is an owner that nobody told us of.
    """
    memory = home.folder / "owner-app.json"
    if email := os.environ.get("HEARTH_OWNER_EMAIL"):
        told = Owner("Owner", email, os.environ.get("HEARTH_OWNER_PASSWORD", ""), memory)
        if secret := os.environ.get("HEARTH_OWNER_TOTP"):
            told.take_over(secret)
        return told, False
    remembered = home.folder / "owner.json"
    if known := read_json(remembered):
        return Owner(**known, memory=memory), False
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
    return Owner(**vars(owner), memory=memory), True


def mailed_token(mailbox: str, email: str, about: str = "") -> tuple[str, str]:
    """The subject of the newest mail to `email` whose subject has `about` in it, and the token in its link.

    Raises:
        StepFailed: no such mail came.
    """

    def newest() -> Any:
        messages = ask("GET", f"{mailbox}/messages", params={"to": email})
        return next((mail for mail in messages if about in mail["subject"]), None)

    mail = await_value(f"a mail to {email}", newest, deadline_seconds=_MAIL_SECONDS, pause_seconds=0.2)
    link = _LINK.search(mail["text"])
    if link is None:
        raise StepFailed("a link in the mail", mail["text"])
    return str(mail["subject"]), link[1]


def new_public_key(comment: str) -> str:
    """A fresh Ed25519 key in OpenSSH's form; its private half is thrown away."""
    public_key = Ed25519PrivateKey.generate().public_key()
    return f"{public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"
