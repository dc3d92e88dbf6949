"""Users, their secrets, and the mail that is sent to them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.area import Area

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.invitations import DynamoInvitations
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.adapters.dynamodb.people.second_factor import DynamoSecondFactors
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.adapters.tokens.signing import SigningKeys
    from chalicelib.domain.people.accounts.endings import SessionEnding
    from chalicelib.domain.people.accounts.links import LinkMaker
    from chalicelib.domain.people.accounts.ports import Links, Mailer, Passwords
    from chalicelib.domain.people.accounts.preferences import Preferences
    from chalicelib.domain.people.accounts.security_log import SecurityLog
    from chalicelib.domain.people.attempts.attempts import Attempts
    from chalicelib.domain.people.attempts.password_proof import PasswordProof
    from chalicelib.domain.people.attempts.tallies import AttemptThrottle
    from chalicelib.domain.people.correspondence.service import CustomerLetters
    from chalicelib.domain.people.second_factor.two_factor import CodeCheck, Enrolments, RecoveryCodes, TwoFactor
    from chalicelib.domain.people.sessions.ports import TokenSigner
    from chalicelib.domain.people.sign_in.sessions import OwnAccount
    from chalicelib.wiring.area import Above
    from chalicelib.wiring.core import Core, Parts
    from chalicelib.wiring.foundation import Foundation


class Accounts(Area):
    """Users, their secrets, and the mail that is sent to them."""

    def __init__(self, core: Core, given: Parts, foundation: Foundation, above: Above) -> None:
        super().__init__(core, given)
        self.foundation = foundation
        self.above = above

    @cached_property
    def customer_mail(self) -> CustomerLetters:
        """Mail to the members who manage a customer."""
        from chalicelib.domain.people.correspondence.service import CustomerLetters

        return CustomerLetters(self.users, self.letters)

    @cached_property
    def invitation_records(self) -> DynamoInvitations:
        """Storage of invitations."""
        from chalicelib.adapters.dynamodb.people.invitations import DynamoInvitations

        return DynamoInvitations()

    @cached_property
    def member_records(self) -> DynamoMembers:
        """Storage of memberships."""
        from chalicelib.adapters.dynamodb.people.members import DynamoMembers

        return DynamoMembers()

    @cached_property
    def second_factors(self) -> DynamoSecondFactors:
        """Storage of second factors."""
        from chalicelib.adapters.dynamodb.people.second_factor import DynamoSecondFactors

        return DynamoSecondFactors()

    @cached_property
    def sessions(self) -> DynamoSessions:
        """Storage of sessions."""
        from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions

        return DynamoSessions()

    @cached_property
    def letters(self) -> DynamoLetters:
        """Storage of letters that are to be written."""
        from chalicelib.adapters.dynamodb.people.letters import DynamoLetters

        return DynamoLetters()

    @cached_property
    def users(self) -> DynamoUsers:
        """Storage of users."""
        from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers

        return DynamoUsers()

    @cached_property
    def signing_keys(self) -> SigningKeys:
        """The keys that sign access tokens; only what signs people in may read them."""
        from chalicelib.adapters.tokens.signing_keys import SecretsManagerKeys

        return SecretsManagerKeys(self.core.settings.signing_key_secret_id, self.core.clock)

    @cached_property
    def token_signer(self) -> TokenSigner:
        """Signs access tokens, which last a quarter of an hour."""
        from chalicelib.adapters.tokens.signing import JwtSigner

        return JwtSigner(self.signing_keys, issuer=self.core.settings.public_url)

    @cached_property
    def passwords(self) -> Passwords:
        """Hashes and checks passwords."""
        from chalicelib.adapters.passwords.argon2id import Argon2idPasswords
        from chalicelib.adapters.passwords.breaches import breaches

        return Argon2idPasswords(breaches=breaches(self.core.settings.breach_range_url))

    @cached_property
    def mailer(self) -> Mailer:
        """Renders and sends mails."""
        from chalicelib.adapters.mail.ses import SesMailer

        return SesMailer(self.core.settings.mail_sender)

    @cached_property
    def attempts(self) -> Attempts:
        """Limits attempts to sign in and to enter codes."""
        from chalicelib.domain.people.attempts.attempts import Attempts

        return Attempts(self.foundation.rate_limiter, self.throttle)

    @cached_property
    def throttle(self) -> AttemptThrottle:
        """Delays the next attempt after a failure."""
        from chalicelib.adapters.dynamodb.people.attempts import DynamoTallies
        from chalicelib.domain.people.attempts.tallies import AttemptThrottle

        return AttemptThrottle(DynamoTallies(), self.core.transactor, self.core.clock)

    @cached_property
    def security_log(self) -> SecurityLog:
        """Records security events of accounts."""
        from chalicelib.domain.people.accounts.security_log import SecurityLog

        return SecurityLog(self.foundation.activity_log, self.core.clock)

    @cached_property
    def link_records(self) -> Links:
        """Stores mailed links."""
        from chalicelib.adapters.dynamodb.people.letters import DynamoLinks

        return DynamoLinks()

    @cached_property
    def link_maker(self) -> LinkMaker:
        """Makes the links in mails."""
        from chalicelib.domain.people.accounts.links import LinkMaker

        return LinkMaker(self.link_records, self.core.transactor, self.core.clock)

    @cached_property
    def session_ending(self) -> SessionEnding:
        """Ends a person's sessions."""
        from chalicelib.domain.people.accounts.endings import SessionEnding

        return SessionEnding(self.sessions, self.core.transactor)

    @cached_property
    def password_proof(self) -> PasswordProof:
        """Asks signed-in users for their password once more."""
        from chalicelib.domain.people.attempts.password_proof import PasswordProof

        return PasswordProof(self.users, self.passwords, self.attempts)

    @cached_property
    def code_check(self) -> CodeCheck:
        """Checks codes of the second factor."""
        from chalicelib.adapters.totp import PyotpCodes
        from chalicelib.domain.people.second_factor.two_factor import CodeCheck

        return CodeCheck(PyotpCodes(), self.foundation.secret_box, self.core.clock)

    @cached_property
    def enrolments(self) -> Enrolments:
        """Hands out secrets for authenticator apps."""
        from chalicelib.adapters.totp import PyotpCodes
        from chalicelib.domain.people.second_factor.two_factor import Enrolments

        return Enrolments(
            users=self.users,
            password=self.password_proof,
            factors=self.second_factors,
            codes=PyotpCodes(),
            box=self.foundation.secret_box,
            transactor=self.core.transactor,
        )

    @cached_property
    def two_factor(self) -> TwoFactor:
        """Turns the second factor of signed-in users on and off."""
        from chalicelib.domain.people.second_factor.two_factor import FactorSwitch, TwoFactor

        turn = FactorSwitch(
            users=self.users,
            sessions=self.sessions,
            endings=self.session_ending,
            letters=self.letters,
            attempts=self.attempts,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )
        return TwoFactor(
            users=self.users,
            password=self.password_proof,
            factors=self.second_factors,
            check=self.code_check,
            turn=turn,
            attempts=self.attempts,
            clock=self.core.clock,
        )

    @cached_property
    def recovery_codes(self) -> RecoveryCodes:
        """Replaces recovery codes."""
        from chalicelib.domain.people.second_factor.two_factor import RecoveryCodes

        return RecoveryCodes(self.second_factors, self.code_check, self.attempts, self.core.transactor)

    @cached_property
    def preferences(self) -> Preferences:
        """Users' personal data and notification settings."""
        from chalicelib.domain.people.accounts.preferences import Preferences

        return Preferences(self.users, self.core.transactor)

    @cached_property
    def own_account(self) -> OwnAccount:
        """The account of a signed-in user, as that user sees it."""
        from chalicelib.domain.people.sign_in.sessions import OwnAccount

        return OwnAccount(self.users, self.sessions, self.core.transactor, self.core.clock)
