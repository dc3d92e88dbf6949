"""A mailbox, signing keys, the stream that gets mails written, and people who register and sign in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.adapters.mail.letters import Mail, write
from chalicelib.adapters.passwords.argon2id import Argon2idPasswords
from chalicelib.adapters.tokens.signing import JwtSigner
from chalicelib.adapters.tokens.signing_keys import key_of
from chalicelib.domain.people.accounts.models import EmailAddress
from chalicelib.kernel.clock import later
from chalicelib.runtime.grants import SIGNING_KEY
from chalicelib.wiring.app import app
from tests.support.api import Answer, Api, serving
from tests.support.aws import play_aws
from tests.support.changes import deliver_items
from tests.support.clock import START
from tests.support.engine import Engine
from tests.support.parts import give

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Received:
    """A mail in the mailbox."""

    to: str
    template: str
    link: str
    mail: Mail

    @property
    def token(self) -> str:
        """What the link's `?token=` says."""
        return parse_qs(urlsplit(self.link).query)["token"][0]


class Mailbox:
    """`Mailer` that writes every mail from the real templates, and keeps it."""

    def __init__(self) -> None:
        self.received: list[Received] = []

    def send(self, to: EmailAddress, template: str, values: Mapping[str, str]) -> None:
        """Write the mail and keep it."""
        self.received.append(Received(to, str(template), values["link"], write(template, values)))

    def newest(self, template: str, to: str) -> Received:
        """The newest mail of its kind to an address."""
        return next(mail for mail in reversed(self.received) if (mail.template, mail.to) == (template, to))

    def of(self, to: str) -> list[str]:
        """The kinds of mails that an address got, oldest first."""
        return [mail.template for mail in self.received if mail.to == to]


@dataclass
class AuthenticatorApp:
    """Somebody's app with the secret it scanned, and the recovery codes beside it."""

    secret: str
    recovery_codes: Sequence[str] = ()

    def code(self, steps_later: int = 0) -> str:
        """What the app shows now, or that many steps of thirty seconds later."""
        return pyotp.TOTP(self.secret).at(later(app().core.clock.now(), 30 * steps_later))


class FixedSigningKeys:
    """`SigningKeys` of a secret that a test knows, which only functions with its grant read."""

    def __init__(self) -> None:
        self.secret = "the first signing key of this test"

    def current(self) -> Ed25519PrivateKey:
        """The key that signs.

        Raises:
            AssertionError: the function that is being called may not read it.
        """
        caller = serving.get()
        assert caller is None or SIGNING_KEY in caller.grants, f"{caller.name} may not sign"
        return key_of(self.secret.encode())

    def key_id(self) -> str:
        """How tokens name it."""
        return JwtSigner(self, "any").key(START).id


def deliver_letters(engine: Engine) -> None:
    """What the table's stream leads to: every letter that waits is sent.

    Raises:
        AssertionError: the worker could not send one.
    """
    waiting = [item for item in engine.items() if item["kind"]["S"] == "LETTER"]
    deliver_items(waiting)


class People:
    """Registers people and signs them in through the API; a test's passwords are hashed cheaply."""

    def __init__(self, api: Api, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = api
        self.engine = engine
        self.mailbox = Mailbox()
        self.keys = FixedSigningKeys()
        passwords = Argon2idPasswords(memory_kib=64, iterations=1)
        self.aws = play_aws()
        give(people={"mailer": self.mailbox})
        give(people={"signing_keys": self.keys})
        give(people={"passwords": passwords})

    def register(self, email: str, password: str = PASSWORD, **options: Any) -> Answer:
        """Register, and let the mails out."""
        body = {"email": email, "password": password, "name": "Somebody"}
        answer = self.api.post("/auth/register", body, **options)
        deliver_letters(self.engine)
        return answer

    def ask(self, path: str, email: str) -> Answer:
        """Ask for a mail at `path`, and let the mails out."""
        answer = self.api.post(path, {"email": email})
        deliver_letters(self.engine)
        return answer

    def verified(self, email: str, password: str = PASSWORD) -> None:
        """Register and prove the address."""
        assert self.register(email, password).status == 202
        token = self.mailbox.newest("verify_email", email).token
        assert self.api.post("/auth/verify-email", {"token": token}).status == 200

    def login(self, email: str, password: str = PASSWORD, **options: Any) -> Answer:
        """Sign in."""
        return self.api.post("/auth/login", {"email": email, "password": password}, **options)

    def newcomer(self, email: str) -> Api:
        """Somebody who has registered, proven the address, and signed in."""
        self.verified(email)
        return self.api.as_bearer(self.login(email).data["accessToken"])

    def owner_of_the_house(self, email: str = "owner@hearth.example") -> Api:
        """The first of the staff, signed in with a second factor."""
        body = {"email": email, "password": PASSWORD, "name": "Owner"}
        assert self.api.post("/v1/setup", body).status == 201
        owner = self.api.as_bearer(self.login(email).data["accessToken"])
        self.enrolled(owner)
        return owner

    def enrolled(self, person: Api, password: str = PASSWORD) -> AuthenticatorApp:
        """Turn the second factor on for somebody signed in; the session counts as signed in with it."""
        app = AuthenticatorApp(person.post("/security/2fa/setup", {"password": password}).data["secret"])
        app.recovery_codes = person.post("/security/2fa/confirm", {"code": app.code()}).data["recoveryCodes"]
        return app
