"""The people of the journeys: the operator's first owner, and customers."""

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
"""The least remaining life of an access token to use; tokens last a quarter of an hour."""
_LINK = re.compile(r"[?&]token=([A-Za-z0-9_.-]+)")


@dataclass(frozen=True)
class Person:
    """A person who can sign in."""

    name: str
    email: str
    password: str

    @classmethod
    def made_up(cls, name: str) -> "Person":
        """A new person."""
        first_name = name.partition(" ")[0].lower()
        return cls(name, f"{first_name}-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(18))

    def registration(self) -> dict[str, str]:
        """The body of the request to register."""
        return {"name": self.name, "email": self.email, "password": self.password}

    def sign_in(self, api: Client) -> Client:
        """Sign in; return the session.

        Raises:
            StepFailed: they cannot sign in.
        """
        body = {"email": self.email, "password": self.password}
        return api.signed_in(api.post("/auth/login", body).data["accessToken"])


@dataclass(frozen=True)
class Owner(Person):
    """The installation's owner, whose authenticator app is a file, because staff need a second factor."""

    memory: Path
    """The file with the app's secret and the newest session: each code works once, and there is one in 30 s."""

    def sign_in(self, api: Client) -> Client:
        """Return the newest session if it is still valid for a while, else a new one.

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
        """Forget the session, so that the next sign-in uses both factors."""
        self._keep({"access_token": ""})

    def take_over(self, secret: str) -> None:
        """Use the app with this secret; codes that were used before are not used again."""
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
        """The next unused code; the code before the present one and the one after it are valid too.

        The code before is skipped if it could expire before the request arrives.

        Raises:
            StepFailed: the app's secret is unknown.
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
    """Return the installation's owner, and whether this call created them; `home` stores them.

    For an existing owner, set HEARTH_OWNER_EMAIL, HEARTH_OWNER_PASSWORD and
    HEARTH_OWNER_TOTP, the base32 secret of their authenticator app.

    Raises:
        StepFailed: there is an owner whose credentials are unknown.
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
    """Find the newest mail to `email` with `about` in its subject; return the subject and the token of its link.

    Raises:
        StepFailed: no such mail arrived.
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
    """A new Ed25519 public key in OpenSSH's format; the private key is thrown away."""
    public_key = Ed25519PrivateKey.generate().public_key()
    return f"{public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"
