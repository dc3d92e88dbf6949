"""Registers users and verifies their addresses."""

from chalicelib.domain.people.accounts.models import (
    Customer,
    EmailAddress,
    Letter,
    LetterKind,
    LinkPurpose,
    Origin,
    User,
)
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.domain.people.accounts.ports import Accounts, Letters, Passwords, Users
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.credentials.links import LinkOpener
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor


class Registration:
    """Registers users. Neither the answer nor its duration reveals whether an address is known (G42)."""

    def __init__(
        self,
        *,
        users: Users,
        accounts: Accounts,
        letters: Letters,
        links: LinkOpener,
        passwords: Passwords,
        attempts: Attempts,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._users = users
        self._accounts = accounts
        self._letters = letters
        self._links = links
        self._passwords = passwords
        self._attempts = attempts
        self._transactor = transactor
        self._clock = clock

    def register(self, email: EmailAddress, password: str, name: str, origin: Origin) -> None:
        """Create a user with a customer and its ledger account, and mail a link to verify the address.

        If the address is known, nothing changes and its owner is told so by mail.

        Raises:
            InvalidInput: the password is not allowed.
            RateLimited: too many mails were requested.
        """
        chosen = new_password(password, email, self._passwords)
        self._attempts.letter(email, origin.ip)
        password_hash = self._passwords.hash(chosen)
        kind = (
            LetterKind.VERIFY_EMAIL if self._create(email, password_hash, name) else LetterKind.ALREADY_REGISTERED
        )
        self._ask_for(kind, email)

    def resend_verification(self, email: EmailAddress, origin: Origin) -> None:
        """Mail another link, if `email` is registered and not verified.

        Raises:
            RateLimited: too many mails were requested.
        """
        self._attempts.letter(email, origin.ip)
        self._ask_for(LetterKind.VERIFY_EMAIL, email)

    def verify_email(self, token: str, origin: Origin) -> None:
        """Verify the address by the mailed link.

        Raises:
            InvalidInput: the link is not valid, was used, or has expired.
            RateLimited: too many links were tried.
        """
        link = self._links.open(token, LinkPurpose.VERIFY_EMAIL, origin)
        verified = self._users.verify(link.user_id, link.password_version, self._clock.now())
        self._links.follow(link, [verified])

    def _create(self, email: EmailAddress, password_hash: str, name: str) -> bool:
        """Create the user; return False if the address was taken."""
        now = self._clock.now()
        user = User(
            id=new_id(Kind.USER, now),
            email=email,
            name=name,
            password_hash=password_hash,
            password_version=1,
            created_at=now,
            verified_at=None,
        )
        customer = Customer(new_id(Kind.CUSTOMER, now), name, now)
        writes = [
            *self._users.insert(user),
            *self._users.insert_customer(customer, user),
            *self._accounts.open_account(customer.id),
        ]
        try:
            self._transactor.commit(writes)
        except ConditionFailed as failed:
            if failed.asserts != {"email_is_free"}:
                raise
            return False
        return True

    def _ask_for(self, kind: LetterKind, email: EmailAddress) -> None:
        now = self._clock.now()
        self._transactor.commit([self._letters.add(Letter(new_id(Kind.LETTER, now), kind, email, now))])
