"""Sessions: sign-in, re-authentication and recovery."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.people.accounts import Accounts

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.people.failed_sign_ins import DynamoFailedSignIns
    from chalicelib.domain.foundation.access.ports import Authenticator
    from chalicelib.domain.people.credentials.email_change import (
        EmailChangeRequest,
        EmailConfirmation,
        EmailHistory,
        EmailReversal,
    )
    from chalicelib.domain.people.credentials.links import LinkOpener
    from chalicelib.domain.people.credentials.password_change import PasswordChange
    from chalicelib.domain.people.credentials.recovery import ForgottenPassword, PasswordReset
    from chalicelib.domain.people.credentials.registration import Registration
    from chalicelib.domain.people.second_factor.ports import PendingSignIns
    from chalicelib.domain.people.sessions.authenticator import SessionAuthenticator
    from chalicelib.domain.people.sign_in.device_sign_in import DeviceFlow
    from chalicelib.domain.people.sign_in.failures import FailureNotes
    from chalicelib.domain.people.sign_in.opening import SessionOpener
    from chalicelib.domain.people.sign_in.reauthentication import Reauthentication
    from chalicelib.domain.people.sign_in.renewal import SessionRenewal
    from chalicelib.domain.people.sign_in.second_step import SecondStep
    from chalicelib.domain.people.sign_in.sign_in import PasswordCheck, SignIn


class SignInParts(Accounts):
    """Sessions: sign-in, re-authentication and recovery."""

    @cached_property
    def failed_sign_ins(self) -> DynamoFailedSignIns:
        """Storage of failed sign-ins that are to be recorded."""
        from chalicelib.adapters.dynamodb.people.failed_sign_ins import DynamoFailedSignIns

        return DynamoFailedSignIns(self.core.clock)

    @cached_property
    def authenticator(self) -> Authenticator:
        """Finds the owner of an access token or an API key."""
        from chalicelib.domain.foundation.access.authenticator import AnyAuthenticator

        return AnyAuthenticator(
            keys=lambda: self.foundation.key_authenticator, sessions=lambda: self.session_authenticator
        )

    @cached_property
    def session_authenticator(self) -> SessionAuthenticator:
        """Finds the owner of an access token."""
        from chalicelib.adapters.tokens.access_tokens import JwtReader
        from chalicelib.domain.people.sessions.authenticator import SessionAuthenticator

        reader = JwtReader(issuer=self.core.settings.public_url)
        return SessionAuthenticator(reader, self.sessions, self.core.clock)

    @cached_property
    def registration(self) -> Registration:
        """Registers users."""
        from chalicelib.domain.people.credentials.registration import Registration

        return Registration(
            users=self.users,
            accounts=self.above.accounts(),
            letters=self.letters,
            links=self.links,
            passwords=self.passwords,
            attempts=self.attempts,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def session_opener(self) -> SessionOpener:
        """Opens a session; every way of signing in uses it."""
        from chalicelib.adapters.dynamodb.people.devices import DynamoKnownDevices
        from chalicelib.domain.people.sign_in.devices import Recogniser
        from chalicelib.domain.people.sign_in.opening import SessionOpener

        return SessionOpener(
            users=self.users,
            sessions=self.sessions,
            factors=self.second_factors,
            recogniser=Recogniser(DynamoKnownDevices(), self.letters),
            signer=self.token_signer,
            log=self.security_log,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def password_check(self) -> PasswordCheck:
        """Checks an e-mail address and a password."""
        from chalicelib.domain.people.sign_in.sign_in import PasswordCheck

        return PasswordCheck(
            users=self.users,
            passwords=self.passwords,
            attempts=self.attempts,
            failures=self.failed_sign_ins,
            transactor=self.core.transactor,
        )

    @cached_property
    def failure_notes(self) -> FailureNotes:
        """Records failed sign-ins in the security log."""
        from chalicelib.domain.people.sign_in.failures import FailureNotes

        return FailureNotes(self.failed_sign_ins, self.users, self.security_log, self.core.transactor)

    @cached_property
    def pending_sign_ins(self) -> PendingSignIns:
        """Stores sign-ins that wait for a code."""
        from chalicelib.adapters.dynamodb.people.second_factor import DynamoPendingSignIns

        return DynamoPendingSignIns()

    @cached_property
    def sign_in(self) -> SignIn:
        """Begins sessions with a password."""
        from chalicelib.domain.people.sign_in.sign_in import SignIn

        return SignIn(
            password_check=self.password_check,
            factors=self.second_factors,
            pending=self.pending_sign_ins,
            opener=self.session_opener,
            attempts=self.attempts,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def second_step(self) -> SecondStep:
        """Finishes sign-ins that wait for a code."""
        from chalicelib.domain.people.sign_in.second_step import SecondStep

        return SecondStep(
            pending=self.pending_sign_ins,
            users=self.users,
            factors=self.second_factors,
            code_check=self.code_check,
            opener=self.session_opener,
            attempts=self.attempts,
            log=self.security_log,
            clock=self.core.clock,
        )

    @cached_property
    def session_renewal(self) -> SessionRenewal:
        """Continues and ends sessions."""
        from chalicelib.domain.people.sign_in.renewal import SessionRenewal

        return SessionRenewal(
            users=self.users,
            sessions=self.sessions,
            letters=self.letters,
            opener=self.session_opener,
            log=self.security_log,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def links(self) -> LinkOpener:
        """Opens mailed links."""
        from chalicelib.domain.people.credentials.links import LinkOpener

        return LinkOpener(self.link_records, self.attempts, self.core.transactor, self.core.clock)

    @cached_property
    def forgotten_password(self) -> ForgottenPassword:
        """Mails a link to choose a new password."""
        from chalicelib.domain.people.credentials.recovery import ForgottenPassword

        return ForgottenPassword(
            letters=self.letters,
            attempts=self.attempts,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def password_reset(self) -> PasswordReset:
        """Resets passwords by a mailed link."""
        from chalicelib.domain.people.credentials.recovery import PasswordReset

        return PasswordReset(
            users=self.users,
            endings=self.session_ending,
            letters=self.letters,
            links=self.links,
            passwords=self.passwords,
            log=self.security_log,
            clock=self.core.clock,
        )

    @cached_property
    def device_flow(self) -> DeviceFlow:
        """Signs in devices that have no browser."""
        from chalicelib.adapters.dynamodb.people.device_sign_in import DynamoDeviceSignIns
        from chalicelib.domain.people.sign_in.device_sign_in import DeviceFlow

        return DeviceFlow(
            requests=DynamoDeviceSignIns(),
            users=self.users,
            factors=self.second_factors,
            opener=self.session_opener,
            attempts=self.attempts,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def reauthentication(self) -> Reauthentication:
        """Checks the password or a code again before a sensitive change."""
        from chalicelib.domain.people.sign_in.reauthentication import Reauthentication

        return Reauthentication(self.password_proof, self.second_factors, self.code_check, self.core.transactor)

    @cached_property
    def password_change(self) -> PasswordChange:
        """Changes the password of a signed-in user."""
        from chalicelib.domain.people.credentials.password_change import PasswordChange

        return PasswordChange(
            users=self.users,
            sessions=self.sessions,
            letters=self.letters,
            passwords=self.passwords,
            reauthentication=self.reauthentication,
            endings=self.session_ending,
            clock=self.core.clock,
        )

    @cached_property
    def email_history(self) -> EmailHistory:
        """Knows the changes of address that can still be reverted."""
        from chalicelib.adapters.dynamodb.people.email_changes import DynamoEmailChanges
        from chalicelib.domain.people.credentials.email_change import EmailHistory

        return EmailHistory(DynamoEmailChanges(), self.second_factors, self.core.clock)

    @cached_property
    def email_change_request(self) -> EmailChangeRequest:
        """Mails a link to confirm another address."""
        from chalicelib.domain.people.credentials.email_change import EmailChangeRequest

        return EmailChangeRequest(
            users=self.users,
            history=self.email_history,
            letters=self.letters,
            reauthentication=self.reauthentication,
            attempts=self.attempts,
            clock=self.core.clock,
        )

    @cached_property
    def email_confirmation(self) -> EmailConfirmation:
        """Changes the e-mail address of an account."""
        from chalicelib.domain.people.credentials.email_change import EmailConfirmation

        return EmailConfirmation(
            users=self.users,
            history=self.email_history,
            sessions=self.sessions,
            endings=self.session_ending,
            letters=self.letters,
            links=self.links,
            clock=self.core.clock,
        )

    @cached_property
    def email_reversal(self) -> EmailReversal:
        """Reverts the change of an e-mail address."""
        from chalicelib.domain.people.credentials.email_change import EmailReversal

        return EmailReversal(
            users=self.users,
            history=self.email_history,
            endings=self.session_ending,
            letters=self.letters,
            links=self.links,
            passwords=self.passwords,
            log=self.security_log,
            clock=self.core.clock,
        )
