"""A mailbox, signing keys, the delivery of letters, and people who register and sign in."""

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
        """The value of `?token=` in the link."""
        return parse_qs(urlsplit(self.link).query)["token"][0]


class Mailbox:
    """`Mailer` that renders every mail from the real templates, and stores it."""

    def __init__(self) -> None:
        self.received: list[Received] = []

    def send(self, to: EmailAddress, template: str, values: Mapping[str, str]) -> None:
        """Render and store the mail."""
        self.received.append(Received(to, str(template), values["link"], write(template, values)))

    def newest(self, template: str, to: str) -> Received:
        """The newest mail from a template to an address."""
        return next(mail for mail in reversed(self.received) if (mail.template, mail.to) == (template, to))

    def of(self, to: str) -> list[str]:
        """The templates of the mails to an address, oldest first."""
        return [mail.template for mail in self.received if mail.to == to]


@dataclass
class AuthenticatorApp:
    """An authenticator app with its secret, and the recovery codes."""

    secret: str
    recovery_codes: Sequence[str] = ()

    def code(self, steps_later: int = 0) -> str:
        """The app's code now, or `steps_later` steps of thirty seconds later."""
        return pyotp.TOTP(self.secret).at(later(app().core.clock.now(), 30 * steps_later))


class FixedSigningKeys:
    """`SigningKeys` from a fixed secret; only functions with the grant can read it."""

    def __init__(self) -> None:
        self.secret = "the first signing key of this test"

    def current(self) -> Ed25519PrivateKey:
        """The key that signs.

        Raises:
            AssertionError: the called function has no grant for it.
        """
        caller = serving.get()
        assert caller is None or SIGNING_KEY in caller.grants, f"{caller.name} may not sign"
        return key_of(self.secret.encode())

    def key_id(self) -> str:
        """The key's id in tokens."""
        return JwtSigner(self, "any").key(START).id


def deliver_letters(engine: Engine) -> None:
    """Send every waiting letter, as the consumer of the table's stream does.

    Raises:
        AssertionError: the worker could not send one.
    """
    waiting = [item for item in engine.items() if item["kind"]["S"] == "LETTER"]
    deliver_items(waiting)


class People:
    """Registers people and signs them in through the API; passwords are hashed with a cheap setting."""

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
        """Register, and send the waiting mails."""
        body = {"email": email, "password": password, "name": "Somebody"}
        answer = self.api.post("/auth/register", body, **options)
        deliver_letters(self.engine)
        return answer

    def ask(self, path: str, email: str) -> Answer:
        """Request a mail at `path`, and send the waiting mails."""
        answer = self.api.post(path, {"email": email})
        deliver_letters(self.engine)
        return answer

    def verified(self, email: str, password: str = PASSWORD) -> None:
        """Register and verify the address."""
        assert self.register(email, password).status == 202
        token = self.mailbox.newest("verify_email", email).token
        assert self.api.post("/auth/verify-email", {"token": token}).status == 200

    def login(self, email: str, password: str = PASSWORD, **options: Any) -> Answer:
        """Sign in."""
        return self.api.post("/auth/login", {"email": email, "password": password}, **options)

    def newcomer(self, email: str) -> Api:
        """A person who has registered, verified the address, and signed in."""
        self.verified(email)
        return self.api.as_bearer(self.login(email).data["accessToken"])

    def owner_of_the_house(self, email: str = "owner@hearth.example") -> Api:
        """The first staff account, signed in with a second factor."""
        body = {"email": email, "password": PASSWORD, "name": "Owner"}
        assert self.api.post("/v1/setup", body).status == 201
        owner = self.api.as_bearer(self.login(email).data["accessToken"])
        self.enrolled(owner)
        return owner

    def enrolled(self, person: Api, password: str = PASSWORD) -> AuthenticatorApp:
        """Turn on the second factor for a signed-in person; the session counts as signed in with it."""
        app = AuthenticatorApp(person.post("/security/2fa/setup", {"password": password}).data["secret"])
        app.recovery_codes = person.post("/security/2fa/confirm", {"code": app.code()}).data["recoveryCodes"]
        return app
