"""The composition root: which adapter stands behind which port.

Everything is built on first use and kept for the life of the process, and imported only then, so that a Lambda
pays for what it uses and no more.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.kernel.clock import Clock, SystemClock
from chalicelib.wiring.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.aws.workflows import StepFunctionsWorkflows
    from chalicelib.adapters.tokens.access_tokens import SigningKeys
    from chalicelib.domain.cloud.announcements.service import PriceAnnouncements
    from chalicelib.domain.cloud.catalog.availability import GpuAvailability
    from chalicelib.domain.cloud.catalog.loading import CatalogLoader
    from chalicelib.domain.cloud.catalog.ports import Capacity
    from chalicelib.domain.cloud.catalog.service import CatalogService
    from chalicelib.domain.cloud.deployments.ports import ComputeProvider, DeploymentRecords, StaffAlerts
    from chalicelib.domain.cloud.deployments.service import Deployments
    from chalicelib.domain.cloud.deployments.usage import UsageReports
    from chalicelib.domain.cloud.lifecycle.power import PowerSwitch
    from chalicelib.domain.cloud.lifecycle.reconciler import Reconciler
    from chalicelib.domain.cloud.lifecycle.service import Lifecycle
    from chalicelib.domain.cloud.projects.service import ProjectRecords, Projects
    from chalicelib.domain.cloud.ssh_keys.service import SshKeys
    from chalicelib.domain.cloud.suspension.service import BalanceWatch, Suspensions
    from chalicelib.domain.foundation.access.key_service import ApiKeys, CustomerAllowList
    from chalicelib.domain.foundation.access.ports import Authenticator, IdempotencyRecords
    from chalicelib.domain.foundation.access.rate_limits import RateLimiter
    from chalicelib.domain.foundation.activity.ports import ActivityLog, StaffLog
    from chalicelib.domain.foundation.approvals.models import Subject
    from chalicelib.domain.foundation.approvals.ports import Effect
    from chalicelib.domain.foundation.approvals.service import Approvals
    from chalicelib.domain.foundation.health.ports import Probe
    from chalicelib.domain.foundation.health.service import Health
    from chalicelib.domain.money.auto_top_up.service import AutoTopUps
    from chalicelib.domain.money.bank.desk import BankDesk
    from chalicelib.domain.money.billing.documents import Documents
    from chalicelib.domain.money.billing.models import Seller
    from chalicelib.domain.money.billing.ports import BillingRecords, Files, Printer
    from chalicelib.domain.money.billing.profiles import BillingProfiles
    from chalicelib.domain.money.billing.service import Invoicing
    from chalicelib.domain.money.billing.vat import VatRules
    from chalicelib.domain.money.credit_notes.corrections import Corrections
    from chalicelib.domain.money.credit_notes.service import CreditNotes
    from chalicelib.domain.money.journals.exports import Exports
    from chalicelib.domain.money.ledger.ports import LedgerRecords
    from chalicelib.domain.money.ledger.service import Ledger
    from chalicelib.domain.money.metering.ports import MeterRecords, Prices
    from chalicelib.domain.money.metering.service import Metering
    from chalicelib.domain.money.payment_methods.service import PaymentMethods
    from chalicelib.domain.money.referral.service import Referrals
    from chalicelib.domain.money.refunds.four_eyes import FourEyes
    from chalicelib.domain.money.refunds.service import RefundRecords, Refunds
    from chalicelib.domain.money.spending.ports import CapRecords, KeyCaps
    from chalicelib.domain.money.spending.service import SpendCaps, SpendingRoom
    from chalicelib.domain.money.top_ups.ports import Gateway
    from chalicelib.domain.money.top_ups.records import DeadNotices, Rates, TopUpRecords
    from chalicelib.domain.money.top_ups.service import Settlement, TopUps, Webhooks
    from chalicelib.domain.money.transfers.service import Transfers
    from chalicelib.domain.operations.departure.erasure import Erasure
    from chalicelib.domain.operations.departure.exports import Archives, DataExports
    from chalicelib.domain.operations.departure.service import Closings
    from chalicelib.domain.operations.directory.search import Directory, DirectoryKeeper
    from chalicelib.domain.operations.directory.service import CustomerDesk, CustomerOpening
    from chalicelib.domain.operations.proof.comparison import Comparison
    from chalicelib.domain.operations.proof.service import DailyProof, Proof
    from chalicelib.domain.people.accounts.links import LinkOpener
    from chalicelib.domain.people.accounts.ports import AccessTokens, Mailer, Passwords
    from chalicelib.domain.people.accounts.preferences import Preferences
    from chalicelib.domain.people.accounts.security_log import SecurityLog
    from chalicelib.domain.people.attempts.attempts import Attempts
    from chalicelib.domain.people.attempts.tallies import Turnstile
    from chalicelib.domain.people.correspondence.service import Correspondence
    from chalicelib.domain.people.credentials.email_change import EmailMove
    from chalicelib.domain.people.credentials.password_change import PasswordChange
    from chalicelib.domain.people.credentials.recovery import Recovery
    from chalicelib.domain.people.credentials.registration import Registration
    from chalicelib.domain.people.organisations.invitation_records import InvitationTokens, Place
    from chalicelib.domain.people.organisations.invitations import Invitations
    from chalicelib.domain.people.organisations.members import Members
    from chalicelib.domain.people.organisations.organisations import Organisations
    from chalicelib.domain.people.organisations.ownership import Ownership
    from chalicelib.domain.people.second_factor.second_factor import SecretBox
    from chalicelib.domain.people.second_factor.two_factor import CodeCheck, TwoFactor
    from chalicelib.domain.people.sign_in.device_sign_in import DeviceFlow
    from chalicelib.domain.people.sign_in.failures import FailureNotes
    from chalicelib.domain.people.sign_in.opening import SessionOpener
    from chalicelib.domain.people.sign_in.reauthentication import Reauthentication
    from chalicelib.domain.people.sign_in.sessions import OwnAccount
    from chalicelib.domain.people.sign_in.sign_in import PasswordCheck, SignIn
    from chalicelib.domain.people.staff.invitations import StaffEntrance
    from chalicelib.domain.people.staff.setup import Setup
    from chalicelib.domain.people.staff.staff import StaffDesk
    from chalicelib.kernel.qr import QrCodes
    from chalicelib.kernel.transactions import Transactor


@cache
def settings() -> Settings:
    """This installation's environment."""
    return Settings.from_environment()


@cache
def clock() -> Clock:
    """The source of time."""
    return SystemClock()


@cache
def transactor() -> Transactor:
    """All-or-nothing writes."""
    from chalicelib.adapters.dynamodb.transactor import DynamoTransactor

    return DynamoTransactor()


@cache
def authenticator() -> Authenticator:
    """Who an access token or an API key belongs to."""
    from chalicelib.adapters.dynamodb.foundation.api_keys import DynamoApiKeyRecords
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.foundation.access.authenticator import AnyAuthenticator, KeyAuthenticator
    from chalicelib.domain.people.sign_in.sessions import SessionAuthenticator

    return AnyAuthenticator(
        keys=KeyAuthenticator(DynamoApiKeyRecords(), clock(), text_prefix=api_key_prefix()),
        sessions=SessionAuthenticator(access_tokens(), DynamoSessions(), clock()),
    )


@cache
def api_key_prefix() -> str:
    """How this installation's keys begin."""
    from chalicelib.domain.foundation.access.key_texts import prefix_of

    return prefix_of(settings().stage)


@cache
def api_keys() -> ApiKeys:
    """Customers' API keys."""
    from chalicelib.adapters.dynamodb.foundation.api_keys import DynamoApiKeyRecords
    from chalicelib.domain.foundation.access.key_service import ApiKeys

    return ApiKeys(DynamoApiKeyRecords(), projects(), transactor(), clock(), text_prefix=api_key_prefix())


@cache
def customer_allow_list() -> CustomerAllowList:
    """Where a customer's keys may be used from."""
    from chalicelib.adapters.dynamodb.foundation.api_keys import DynamoApiKeyRecords
    from chalicelib.domain.foundation.access.key_service import CustomerAllowList

    return CustomerAllowList(DynamoApiKeyRecords(), transactor(), clock())


@cache
def rate_limiter() -> RateLimiter:
    """How often somebody may call."""
    from chalicelib.adapters.dynamodb.foundation.access import DynamoRateCounters
    from chalicelib.domain.foundation.access.rate_limits import RateLimiter

    return RateLimiter(DynamoRateCounters(), clock())


@cache
def idempotency_records() -> IdempotencyRecords:
    """Requests made with an Idempotency-Key."""
    from chalicelib.adapters.dynamodb.foundation.access import DynamoIdempotencyRecords

    return DynamoIdempotencyRecords()


@cache
def activity_log() -> ActivityLog:
    """What happened, per customer."""
    from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog

    return DynamoActivityLog()


@cache
def signing_keys() -> SigningKeys:
    """The keys that sign access tokens."""
    from chalicelib.adapters.tokens.signing_keys import SecretsManagerKeys

    return SecretsManagerKeys(settings().signing_key_secret_id, clock())


@cache
def access_tokens() -> AccessTokens:
    """What proves a session for a quarter of an hour."""
    from chalicelib.adapters.tokens.access_tokens import JwtAccessTokens

    return JwtAccessTokens(signing_keys(), issuer=settings().public_url)


@cache
def passwords() -> Passwords:
    """How passwords are kept."""
    from chalicelib.adapters.passwords.argon2id import Argon2idPasswords
    from chalicelib.adapters.passwords.breaches import breaches

    return Argon2idPasswords(breaches=breaches(settings().breach_range_url))


@cache
def mailer() -> Mailer:
    """Who writes and sends mails."""
    from chalicelib.adapters.mail.ses import SesMailer

    return SesMailer(settings().mail_sender)


@cache
def attempts() -> Attempts:
    """How often one may try to get in."""
    from chalicelib.domain.people.attempts.attempts import Attempts

    return Attempts(rate_limiter(), turnstile())


@cache
def turnstile() -> Turnstile:
    """What a failure costs the next attempt."""
    from chalicelib.adapters.dynamodb.people.attempts import DynamoTallies
    from chalicelib.domain.people.attempts.tallies import Turnstile

    return Turnstile(DynamoTallies(), transactor(), clock())


@cache
def security_log() -> SecurityLog:
    """What happens to accounts."""
    from chalicelib.domain.people.accounts.security_log import SecurityLog

    return SecurityLog(activity_log(), clock())


@cache
def links() -> LinkOpener:
    """Mailed links."""
    from chalicelib.adapters.dynamodb.people.letters import DynamoLinks
    from chalicelib.domain.people.accounts.links import LinkOpener

    return LinkOpener(DynamoLinks(), transactor(), clock())


@cache
def registration() -> Registration:
    """Becoming a user."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.domain.people.credentials.registration import Registration

    return Registration(
        users=DynamoUsers(),
        accounts=ledger(),
        letters=DynamoLetters(),
        links=links(),
        passwords=passwords(),
        attempts=attempts(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def secret_box() -> SecretBox:
    """What keeps secrets that must be read again."""
    from chalicelib.adapters.aws.encryption import KmsBox

    return KmsBox(settings().secret_box_key_id)


@cache
def code_check() -> CodeCheck:
    """What knows a right code."""
    from chalicelib.adapters.totp import PyotpCodes
    from chalicelib.domain.people.second_factor.two_factor import CodeCheck

    return CodeCheck(PyotpCodes(), secret_box(), clock())


@cache
def two_factor() -> TwoFactor:
    """The second factor of those who are signed in."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.second_factor import DynamoSecondFactors
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.adapters.totp import PyotpCodes
    from chalicelib.domain.people.second_factor.two_factor import TwoFactor

    return TwoFactor(
        users=DynamoUsers(),
        sessions=DynamoSessions(),
        factors=DynamoSecondFactors(),
        letters=DynamoLetters(),
        passwords=passwords(),
        codes=PyotpCodes(),
        box=secret_box(),
        check=code_check(),
        attempts=attempts(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def session_opener() -> SessionOpener:
    """What every way of signing in ends with."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.devices import DynamoKnownDevices
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.second_factor import DynamoSecondFactors
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.people.sign_in.devices import Recogniser
    from chalicelib.domain.people.sign_in.opening import SessionOpener

    return SessionOpener(
        users=DynamoUsers(),
        sessions=DynamoSessions(),
        factors=DynamoSecondFactors(),
        recogniser=Recogniser(DynamoKnownDevices(), DynamoLetters()),
        access_tokens=access_tokens(),
        log=security_log(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def password_check() -> PasswordCheck:
    """Who somebody is by address and password."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.failed_sign_ins import DynamoFailedSignIns
    from chalicelib.domain.people.sign_in.sign_in import PasswordCheck

    return PasswordCheck(
        users=DynamoUsers(),
        passwords=passwords(),
        attempts=attempts(),
        failures=DynamoFailedSignIns(clock()),
        transactor=transactor(),
    )


@cache
def failure_notes() -> FailureNotes:
    """Noting failed sign-ins."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.failed_sign_ins import DynamoFailedSignIns
    from chalicelib.domain.people.sign_in.failures import FailureNotes

    return FailureNotes(DynamoFailedSignIns(clock()), DynamoUsers(), security_log(), transactor())


@cache
def sign_in() -> SignIn:
    """Beginning sessions and carrying them on."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.second_factor import DynamoPendingSignIns, DynamoSecondFactors
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.people.sign_in.sign_in import SignIn

    return SignIn(
        users=DynamoUsers(),
        sessions=DynamoSessions(),
        factors=DynamoSecondFactors(),
        pending=DynamoPendingSignIns(),
        letters=DynamoLetters(),
        password_check=password_check(),
        code_check=code_check(),
        opener=session_opener(),
        attempts=attempts(),
        log=security_log(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def recovery() -> Recovery:
    """Getting back in without the password."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.people.credentials.recovery import Recovery

    return Recovery(
        users=DynamoUsers(),
        sessions=DynamoSessions(),
        letters=DynamoLetters(),
        links=links(),
        passwords=passwords(),
        attempts=attempts(),
        log=security_log(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def preferences() -> Preferences:
    """What people say of themselves, and want to be told."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.domain.people.accounts.preferences import Preferences

    return Preferences(DynamoUsers(), transactor())


@cache
def device_flow() -> DeviceFlow:
    """Signing devices in that have no browser."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.device_sign_in import DynamoDeviceSignIns
    from chalicelib.adapters.dynamodb.people.second_factor import DynamoSecondFactors
    from chalicelib.domain.people.sign_in.device_sign_in import DeviceFlow

    return DeviceFlow(
        requests=DynamoDeviceSignIns(),
        users=DynamoUsers(),
        factors=DynamoSecondFactors(),
        opener=session_opener(),
        attempts=attempts(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def reauthentication() -> Reauthentication:
    """Proving once more who one is."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.second_factor import DynamoSecondFactors
    from chalicelib.domain.people.sign_in.reauthentication import Reauthentication

    return Reauthentication(
        DynamoUsers(), passwords(), DynamoSecondFactors(), code_check(), attempts(), transactor()
    )


@cache
def password_change() -> PasswordChange:
    """Choosing another password while signed in."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.people.credentials.password_change import PasswordChange

    return PasswordChange(
        users=DynamoUsers(),
        sessions=DynamoSessions(),
        letters=DynamoLetters(),
        passwords=passwords(),
        reauthentication=reauthentication(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def email_move() -> EmailMove:
    """Moving accounts to other addresses, and back."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.email_changes import DynamoEmailChanges
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.second_factor import DynamoSecondFactors
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.people.credentials.email_change import EmailMove

    return EmailMove(
        users=DynamoUsers(),
        changes=DynamoEmailChanges(),
        sessions=DynamoSessions(),
        letters=DynamoLetters(),
        links=links(),
        passwords=passwords(),
        factors=DynamoSecondFactors(),
        reauthentication=reauthentication(),
        attempts=attempts(),
        log=security_log(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def own_account() -> OwnAccount:
    """What signed-in people see of their own."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.people.sign_in.sessions import OwnAccount

    return OwnAccount(DynamoUsers(), DynamoSessions(), transactor(), clock())


@cache
def setup() -> Setup:
    """The first owner of the installation."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.staff import DynamoInstallation, DynamoStaff
    from chalicelib.domain.people.staff.setup import Setup

    return Setup(
        installation=DynamoInstallation(),
        users=DynamoUsers(),
        staff=DynamoStaff(),
        passwords=passwords(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def staff_desk() -> StaffDesk:
    """Where owners manage the staff."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.invitations import DynamoRosters
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.adapters.dynamodb.people.staff import DynamoStaff
    from chalicelib.domain.people.staff.staff import StaffDesk

    return StaffDesk(DynamoStaff(), DynamoRosters(), DynamoUsers(), DynamoSessions(), transactor())


@cache
def staff_invitations() -> Invitations:
    """Inviting people into the staff."""
    from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog
    from chalicelib.adapters.dynamodb.people.staff import DynamoStaff
    from chalicelib.domain.people.staff.invitations import StaffAsPlace

    return invitations_to(StaffAsPlace(DynamoStaff(), DynamoActivityLog()))


@cache
def staff_entrance() -> StaffEntrance:
    """Where those come in who are invited into the staff."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.domain.people.staff.invitations import StaffEntrance

    return StaffEntrance(staff_invitations(), DynamoUsers())


@cache
def staff_log() -> StaffLog:
    """What the staff have done."""
    from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog

    return DynamoActivityLog()


@cache
def correspondence() -> Correspondence:
    """Writing the mails that were asked for."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.domain.people.correspondence.service import Correspondence

    return Correspondence(
        users=DynamoUsers(),
        letters=DynamoLetters(),
        links=links(),
        invitations=invitation_tokens(),
        mailer=mailer(),
        transactor=transactor(),
        public_url=settings().public_url,
    )


@cache
def members() -> Members:
    """Who belongs to organisations."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.invitations import DynamoRosters
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.people.organisations.members import Members

    return Members(
        records=DynamoMembers(),
        rosters=DynamoRosters(),
        users=DynamoUsers(),
        sessions=DynamoSessions(),
        letters=DynamoLetters(),
        keys=api_keys(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def invitations() -> Invitations:
    """Inviting people into organisations."""
    from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.domain.people.organisations.members import OrganisationPlace

    return invitations_to(OrganisationPlace(DynamoMembers(), DynamoActivityLog()))


@cache
def ownership_invitations() -> Invitations:
    """Accepting to own an organisation."""
    from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.domain.people.organisations.ownership import OwnershipPlace

    return invitations_to(OwnershipPlace(DynamoMembers(), DynamoActivityLog(), DynamoUsers(), DynamoLetters()))


def invitations_to(place: Place) -> Invitations:
    """Invitations that lead to `place`."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.invitations import DynamoInvitations, DynamoRosters
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.domain.people.organisations.invitations import Invitations

    return Invitations(
        place=place,
        records=DynamoInvitations(),
        tokens=invitation_tokens(),
        rosters=DynamoRosters(),
        users=DynamoUsers(),
        letters=DynamoLetters(),
        passwords=passwords(),
        limiter=rate_limiter(),
        attempts=attempts(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def ownership() -> Ownership:
    """Offering organisations to other members."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.invitations import DynamoInvitations
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.domain.people.organisations.ownership import Ownership

    return Ownership(
        DynamoMembers(),
        DynamoInvitations(),
        DynamoUsers(),
        DynamoLetters(),
        reauthentication(),
        transactor(),
        clock(),
    )


@cache
def organisations() -> Organisations:
    """A person's organisations."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.invitations import DynamoRosters
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.people.organisations.organisations import Organisations

    return Organisations(
        records=DynamoMembers(),
        rosters=DynamoRosters(),
        users=DynamoUsers(),
        accounts=ledger(),
        sessions=DynamoSessions(),
        opener=session_opener(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def invitation_tokens() -> InvitationTokens:
    """What mailed invitations are known by."""
    from chalicelib.adapters.dynamodb.people.invitations import DynamoInvitations
    from chalicelib.domain.people.organisations.invitation_records import InvitationTokens

    return InvitationTokens(DynamoInvitations(), transactor(), clock())


@cache
def catalog() -> CatalogService:
    """What is sold, where and for how much."""
    from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords
    from chalicelib.domain.cloud.catalog.service import CatalogService

    return CatalogService(DynamoCatalogRecords(transactor()), clock())


@cache
def catalog_loader() -> CatalogLoader:
    """What brings the catalogue's data into the table."""
    from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords
    from chalicelib.adapters.dynamodb.cloud.prices import DynamoAnnouncements, DynamoPrices
    from chalicelib.domain.cloud.catalog.loading import CatalogLoader

    return CatalogLoader(DynamoCatalogRecords(transactor()), DynamoPrices(), DynamoAnnouncements(), clock())


@cache
def price_announcements() -> PriceAnnouncements:
    """What tells customers of new prices."""
    from chalicelib.adapters.dynamodb.cloud.prices import DynamoAnnouncements
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.domain.cloud.announcements.service import PriceAnnouncements
    from chalicelib.domain.people.correspondence.service import CustomerLetters

    return PriceAnnouncements(
        DynamoAnnouncements(),
        prices(),
        meter_records(),
        deployment_records(),
        CustomerLetters(DynamoUsers(), DynamoLetters()),
        transactor(),
        clock(),
    )


@cache
def gpu_availability() -> GpuAvailability:
    """How many GPUs are free."""
    from chalicelib.adapters.dynamodb.cloud.catalog import DynamoMeasurements
    from chalicelib.domain.cloud.catalog.availability import GpuAvailability

    return GpuAvailability(_capacity_of, DynamoMeasurements(), clock())


def _capacity_of(provider_id: str) -> Capacity | None:
    from chalicelib.domain.cloud.deployments.ports import SupportsCapacity

    found = provider(provider_id)
    return found if isinstance(found, SupportsCapacity) else None


@cache
def ssh_keys() -> SshKeys:
    """Customers' SSH keys."""
    from chalicelib.adapters.dynamodb.cloud.ssh_keys import DynamoSshKeyRecords
    from chalicelib.domain.cloud.ssh_keys.service import SshKeys

    return SshKeys(DynamoSshKeyRecords(), transactor(), clock())


@cache
def provider(provider_id: str) -> ComputeProvider:
    """The adapter of an upstream account.

    Raises:
        NotFound: there is no provider of this id.
    """
    from chalicelib.adapters.aws.secrets import secret_text
    from chalicelib.adapters.providers.openstack.config import OpenStackConfig
    from chalicelib.adapters.providers.openstack.provider import OpenStackProvider
    from chalicelib.kernel.errors import NotFound

    if provider_id != "openstack":
        raise NotFound(f"There is no provider called {provider_id}.")
    return OpenStackProvider(OpenStackConfig.from_secret(secret_text(settings().provider_secret_id)), clock())


@cache
def gateway(name: str) -> Gateway:
    """The adapter of a payment gateway.

    Raises:
        NotFound: there is no gateway of this name.
    """
    from chalicelib.adapters.aws.secrets import secret_text
    from chalicelib.kernel.errors import NotFound

    secret = secret_text(settings().payment_secret_id)
    match name:
        case "stripe":
            from chalicelib.adapters.gateways.stripe.config import StripeConfig
            from chalicelib.adapters.gateways.stripe.gateway import StripeGateway

            return StripeGateway(StripeConfig.from_secret(secret), clock())
        case "btcpay":
            from chalicelib.adapters.gateways.btcpay.config import BTCPayConfig
            from chalicelib.adapters.gateways.btcpay.gateway import BTCPayGateway

            return BTCPayGateway(BTCPayConfig.from_secret(secret))
        case "oxapay":
            from chalicelib.adapters.gateways.oxapay.config import OxaPayConfig
            from chalicelib.adapters.gateways.oxapay.gateway import OxaPayGateway

            return OxaPayGateway(OxaPayConfig.from_secret(secret))
        case "paypal":
            from chalicelib.adapters.gateways.paypal.config import PayPalConfig
            from chalicelib.adapters.gateways.paypal.gateway import PayPalGateway

            return PayPalGateway(PayPalConfig.from_secret(secret), clock())
        case "bank":
            from chalicelib.adapters.gateways.bank.config import BankConfig
            from chalicelib.adapters.gateways.bank.gateway import BankGateway

            return BankGateway(BankConfig.from_secret(secret))
        case _:
            raise NotFound(f"There is no payment gateway called {name}.")


@cache
def crypto_gateway_name() -> str:
    """Which of the crypto gateways takes new top-ups: the first that is configured."""
    import json

    from chalicelib.adapters.aws.secrets import secret_text
    from chalicelib.kernel.errors import Unavailable

    configured = json.loads(secret_text(settings().payment_secret_id))
    for name in ("btcpay", "oxapay"):
        if name in configured:
            return name
    raise Unavailable("Crypto top-ups are not offered at the moment.")


@cache
def qr_codes() -> QrCodes:
    """What draws QR codes."""
    from chalicelib.adapters.qr import SegnoQrCodes

    return SegnoQrCodes()


@cache
def top_up_records() -> TopUpRecords:
    """Where top-ups are kept."""
    from chalicelib.adapters.dynamodb.money.top_ups import DynamoTopUpRecords

    return DynamoTopUpRecords()


@cache
def rates() -> Rates:
    """What money in other currencies is worth."""
    from chalicelib.adapters.dynamodb.money.top_ups import DynamoRates

    return DynamoRates()


@cache
def settlement() -> Settlement:
    """What books what gateways say."""
    from chalicelib.domain.money.top_ups.service import Settlement

    return Settlement(top_up_records(), gateway, ledger(), rates(), transactor(), clock())


@cache
def refund_records() -> RefundRecords:
    """Where refunds are kept."""
    from chalicelib.adapters.dynamodb.money.refunds import DynamoRefundRecords

    return DynamoRefundRecords()


@cache
def refunds() -> Refunds:
    """What sends money back."""
    from chalicelib.domain.money.refunds.service import Refunds

    return Refunds(refund_records(), top_up_records(), gateway, ledger(), settlement(), transactor(), clock())


@cache
def four_eyes() -> FourEyes:
    """What staff may give and send back alone, and what only together."""
    from chalicelib.adapters.dynamodb.operations.directory import DynamoCustomers
    from chalicelib.domain.money.refunds.four_eyes import FourEyes

    return FourEyes(approvals(), refunds(), ledger(), DynamoCustomers(), clock())


@cache
def approvals() -> Approvals:
    """What waits for a second of the staff."""
    from chalicelib.adapters.dynamodb.foundation.approvals import DynamoApprovalRecords, DynamoBelonging
    from chalicelib.domain.foundation.approvals.service import Approvals

    return Approvals(DynamoApprovalRecords(), DynamoBelonging(), _effect_of, transactor(), clock())


def _effect_of(subject: Subject) -> Effect:
    from chalicelib.domain.foundation.approvals.models import Subject

    match subject:
        case Subject.CREDIT:
            from chalicelib.adapters.dynamodb.operations.directory import DynamoCustomers
            from chalicelib.domain.money.refunds.four_eyes import CreditEffect

            return CreditEffect(ledger(), DynamoCustomers(), clock())
        case Subject.REFUND:
            from chalicelib.domain.money.refunds.four_eyes import RefundEffect

            return RefundEffect(refunds())
        case Subject.CREDIT_NOTE:
            from chalicelib.domain.money.credit_notes.corrections import CreditNoteEffect

            return CreditNoteEffect(credit_notes())


@cache
def payment_methods() -> PaymentMethods:
    """Saved ways to pay."""
    from chalicelib.adapters.dynamodb.money.payment_methods import DynamoPreferredMethods
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.domain.money.payment_methods.service import PaymentMethods

    return PaymentMethods(DynamoPreferredMethods(), gateway, DynamoUsers(), gateway_names)


@cache
def auto_top_ups() -> AutoTopUps:
    """What charges saved cards when balances are low."""
    from chalicelib.adapters.dynamodb.money.auto_top_up import DynamoAutoTopUpRecords
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.domain.money.auto_top_up.service import AutoTopUps
    from chalicelib.domain.money.payment_methods.saved_charges import SavedCharges
    from chalicelib.domain.people.correspondence.service import CustomerLetters

    return AutoTopUps(
        DynamoAutoTopUpRecords(),
        payment_methods(),
        SavedCharges(top_up_records(), gateway, settlement()),
        ledger(),
        CustomerLetters(DynamoUsers(), DynamoLetters()),
        activity_log(),
        transactor(),
        clock(),
    )


@cache
def top_ups() -> TopUps:
    """A customer's side of payments."""
    from chalicelib.domain.money.top_ups.service import TopUps

    return_url = f"{settings().public_url}/billing"
    return TopUps(top_up_records(), gateway, settlement(), transactor(), clock(), return_url)


@cache
def transfers() -> Transfers:
    """What moves money between the customers of one user."""
    from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog
    from chalicelib.adapters.dynamodb.money.referral import DynamoReferralRecords
    from chalicelib.adapters.dynamodb.money.transfers import DynamoTransferRecords
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.domain.money.transfers.service import Transfers

    return Transfers(
        DynamoTransferRecords(),
        ledger(),
        DynamoUsers(),
        suspensions(),
        DynamoReferralRecords(),
        DynamoActivityLog(),
        transactor(),
        clock(),
    )


@cache
def referrals() -> Referrals:
    """Customers who bring customers."""
    from chalicelib.adapters.dynamodb.money.referral import DynamoPaidTopUps, DynamoPeople, DynamoReferralRecords
    from chalicelib.domain.money.referral.service import Referrals

    return Referrals(
        DynamoReferralRecords(),
        DynamoPaidTopUps(),
        DynamoPeople(),
        rate_limiter(),
        ledger(),
        transactor(),
        clock(),
    )


@cache
def bank_desk() -> BankDesk:
    """Where staff see to bank transfers."""
    from typing import cast

    from chalicelib.adapters.dynamodb.money.bank import DynamoTransferRecords
    from chalicelib.domain.money.bank.desk import GATEWAY, Bank, BankDesk

    def bank() -> Bank:
        return cast("Bank", gateway(GATEWAY))

    return BankDesk(DynamoTransferRecords(), bank, top_up_records(), settlement(), transactor(), clock())


@cache
def gateway_names() -> tuple[str, ...]:
    """The gateways that are configured."""
    import json

    from chalicelib.adapters.aws.secrets import secret_text

    return tuple(json.loads(secret_text(settings().payment_secret_id)))


@cache
def comparison() -> Comparison:
    """What compares gateways with the ledger."""
    from chalicelib.adapters.aws.reports import S3Reports
    from chalicelib.domain.operations.proof.comparison import Comparison

    return Comparison(
        lambda: {name: gateway(name) for name in gateway_names()},
        top_up_records(),
        ledger_records(),
        settlement(),
        bank_desk(),
        S3Reports(settings().reports_bucket),
        staff_alerts(),
        clock(),
    )


@cache
def dead_notices() -> DeadNotices:
    """The notices that the worker gave up on."""
    from chalicelib.adapters.aws.queues import SqsDeadNotices

    return SqsDeadNotices(settings().notice_dead_letters_url, settings().notice_queue_url)


@cache
def webhooks() -> Webhooks:
    """What comes from gateways."""
    from chalicelib.adapters.aws.queues import SqsNoticeQueue
    from chalicelib.adapters.dynamodb.money.top_ups import DynamoNoticeRecords
    from chalicelib.domain.money.top_ups.service import Webhooks

    queue = SqsNoticeQueue(settings().notice_queue_url)
    return Webhooks(gateway, DynamoNoticeRecords(), queue, top_up_records(), settlement(), clock())


@cache
def ledger_records() -> LedgerRecords:
    """Where the books are kept."""
    from chalicelib.adapters.dynamodb.money.ledger import DynamoLedgerRecords

    return DynamoLedgerRecords()


@cache
def ledger() -> Ledger:
    """The books of all customers."""
    from chalicelib.domain.money.ledger.service import Ledger

    return Ledger(ledger_records(), transactor(), clock())


@cache
def meter_records() -> MeterRecords:
    """Where meters and their usage are kept."""
    from chalicelib.adapters.dynamodb.money.metering import DynamoMeterRecords

    return DynamoMeterRecords()


@cache
def prices() -> Prices:
    """What things cost, and will cost."""
    from chalicelib.adapters.dynamodb.cloud.prices import DynamoPrices

    return DynamoPrices()


@cache
def metering() -> Metering:
    """What turns seconds into ledger entries."""
    from chalicelib.adapters.aws.queues import SqsMeteringQueue
    from chalicelib.adapters.dynamodb.cloud.deployments import DynamoDeploymentRecords
    from chalicelib.domain.money.metering.service import Metering

    queue = SqsMeteringQueue(settings().metering_queue_url)
    return Metering(meter_records(), prices(), DynamoDeploymentRecords(), ledger(), transactor(), queue, clock())


@cache
def deployment_records() -> DeploymentRecords:
    """Where deployments, operations and timelines are kept."""
    from chalicelib.adapters.dynamodb.cloud.deployments import DynamoDeploymentRecords

    return DynamoDeploymentRecords()


@cache
def deployments() -> Deployments:
    """What customers do with deployments."""
    from chalicelib.domain.cloud.deployments.service import Deployments

    return Deployments(
        deployment_records(),
        catalog(),
        gpu_availability(),
        ssh_keys(),
        ledger(),
        metering(),
        meter_records(),
        suspensions(),
        spending_room(),
        project_records(),
        transactor(),
        clock(),
    )


@cache
def project_records() -> ProjectRecords:
    """Where projects are kept."""
    from chalicelib.adapters.dynamodb.cloud.projects import DynamoProjects

    return DynamoProjects()


@cache
def projects() -> Projects:
    """Customers' projects."""
    from chalicelib.domain.cloud.projects.service import Projects

    return Projects(project_records(), transactor(), clock())


@cache
def usage_reports() -> UsageReports:
    """What deployments were charged, by hour and by day."""
    from chalicelib.domain.cloud.deployments.usage import UsageReports

    return UsageReports(meter_records())


@cache
def staff_alerts() -> StaffAlerts:
    """How the operator's people are told."""
    from chalicelib.adapters.aws.alerts import SnsStaffAlerts

    return SnsStaffAlerts(settings().staff_alerts_topic_arn)


@cache
def lifecycle() -> Lifecycle:
    """The work behind the state machines."""
    from chalicelib.domain.cloud.deployments.steps import Leases
    from chalicelib.domain.cloud.lifecycle.service import Lifecycle

    return Lifecycle(
        Leases(deployment_records(), clock()),
        provider,
        ledger(),
        metering(),
        staff_alerts(),
        transactor(),
    )


@cache
def power_switch() -> PowerSwitch:
    """What switches machines off and on."""
    from chalicelib.domain.cloud.lifecycle.power import PowerSwitch

    return PowerSwitch(deployment_records(), provider, ledger(), metering(), staff_alerts(), transactor(), clock())


@cache
def workflows() -> StepFunctionsWorkflows:
    """The state machines."""
    from chalicelib.adapters.aws.workflows import StepFunctionsWorkflows

    return StepFunctionsWorkflows(settings().state_machine_arn_prefix)


@cache
def reconciler() -> Reconciler:
    """What finishes operations that stand still."""
    from chalicelib.domain.cloud.lifecycle.reconciler import Reconciler

    return Reconciler(deployment_records(), workflows(), transactor(), clock())


@cache
def billing_records() -> BillingRecords:
    """Where billing profiles, invoices and credit notes are kept."""
    from chalicelib.adapters.dynamodb.money.billing import DynamoBillingRecords

    return DynamoBillingRecords()


@cache
def seller() -> Seller:
    """Who issues the invoices."""
    from chalicelib.adapters.files.billing import read_seller

    return read_seller()


@cache
def vat_rules() -> VatRules:
    """What tax there is on an invoice."""
    from chalicelib.adapters.files.billing import read_vat_countries
    from chalicelib.domain.money.billing.vat import VatRules

    return VatRules(read_vat_countries())


@cache
def billing_profiles() -> BillingProfiles:
    """Whom customers' invoices are issued to."""
    from chalicelib.domain.money.billing.profiles import BillingProfiles

    return BillingProfiles(billing_records(), transactor(), vat_rules(), clock())


@cache
def invoicing() -> Invoicing:
    """What issues invoices."""
    from chalicelib.domain.money.billing.service import Invoicing

    return Invoicing(
        billing_records(),
        ledger_records(),
        meter_records(),
        deployment_records(),
        transactor(),
        vat_rules(),
        seller(),
        clock(),
    )


@cache
def credit_notes() -> CreditNotes:
    """What corrects invoices."""
    from chalicelib.domain.money.credit_notes.service import CreditNotes

    return CreditNotes(billing_records(), ledger_records(), transactor(), seller(), clock())


@cache
def corrections() -> Corrections:
    """What staff give back of invoices, alone or together."""
    from chalicelib.domain.money.credit_notes.corrections import Corrections

    return Corrections(credit_notes(), approvals())


@cache
def files() -> Files:
    """Where files wait for whoever has a link to them."""
    from chalicelib.adapters.aws.files import S3Files

    return S3Files(settings().reports_bucket)


@cache
def billing_documents() -> Documents:
    """Customers' invoices and credit notes, and their PDFs."""
    from chalicelib.adapters.dynamodb.money.billing import fingerprint
    from chalicelib.domain.money.billing.documents import Documents

    return Documents(billing_records(), files(), printer(), fingerprint, clock())


@cache
def printer() -> Printer:
    """What makes PDFs."""
    from chalicelib.adapters.pdf import PdfPrinter

    return PdfPrinter()


@cache
def exports() -> Exports:
    """The ledger in accountants' forms."""
    from chalicelib.domain.money.journals.exports import Exports

    return Exports(ledger_records(), files(), clock())


@cache
def cap_records() -> CapRecords:
    """Where customers' spend caps are kept."""
    from chalicelib.adapters.dynamodb.money.spending import DynamoCapRecords

    return DynamoCapRecords()


@cache
def key_caps() -> KeyCaps:
    """What API keys may spend."""
    from chalicelib.adapters.dynamodb.foundation.api_keys import DynamoApiKeyRecords
    from chalicelib.domain.money.spending.service import CapsOfKeys

    return CapsOfKeys(DynamoApiKeyRecords())


@cache
def spend_caps() -> SpendCaps:
    """Customers' own spend caps."""
    from chalicelib.domain.money.spending.service import SpendCaps

    return SpendCaps(cap_records(), ledger_records(), transactor(), clock())


@cache
def spending_room() -> SpendingRoom:
    """What refuses machines that spend caps leave no room for."""
    from chalicelib.domain.money.spending.service import SpendingRoom

    return SpendingRoom(cap_records(), key_caps(), ledger_records())


@cache
def suspensions() -> Suspensions:
    """Whether a customer is in good standing."""
    from chalicelib.adapters.dynamodb.cloud.suspension import DynamoWatchRecords
    from chalicelib.domain.cloud.suspension.service import Suspensions

    return Suspensions(DynamoWatchRecords())


@cache
def balance_watch() -> BalanceWatch:
    """What looks at balances, and acts at zero."""
    from datetime import timedelta

    from chalicelib.adapters.dynamodb.cloud.suspension import DynamoWatchRecords
    from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.domain.cloud.suspension.service import BalanceWatch
    from chalicelib.domain.people.correspondence.service import CustomerLetters

    return BalanceWatch(
        DynamoWatchRecords(),
        workflows(),
        ledger_records(),
        cap_records(),
        deployment_records(),
        power_switch(),
        deployments(),
        CustomerLetters(DynamoUsers(), DynamoLetters()),
        DynamoActivityLog(),
        transactor(),
        clock(),
        grace=timedelta(hours=int(settings().suspension_grace_hours)),
    )


@cache
def directory() -> Directory:
    """Where staff find customers."""
    from chalicelib.adapters.dynamodb.operations.directory import DynamoDirectory
    from chalicelib.domain.operations.directory.search import Directory

    return Directory(DynamoDirectory())


@cache
def directory_keeper() -> DirectoryKeeper:
    """What keeps the directory in step with the customers."""
    from chalicelib.adapters.dynamodb.operations.directory import DynamoCustomers, DynamoDirectory
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.domain.operations.directory.search import DirectoryKeeper

    return DirectoryKeeper(
        DynamoDirectory(), ledger_records(), DynamoCustomers(), DynamoMembers(), DynamoUsers(), transactor()
    )


@cache
def customer_opening() -> CustomerOpening:
    """Opening customers for people who are not here yet."""
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.domain.operations.directory.service import CustomerOpening

    return CustomerOpening(
        users=DynamoUsers(),
        accounts=ledger(),
        letters=DynamoLetters(),
        passwords=passwords(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def customer_desk() -> CustomerDesk:
    """What staff see of a customer, and change."""
    from chalicelib.adapters.dynamodb.operations.directory import DynamoCustomers
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.domain.operations.directory.service import CustomerDesk
    from chalicelib.domain.people.correspondence.service import CustomerLetters

    return CustomerDesk(
        customers=DynamoCustomers(),
        members=DynamoMembers(),
        balances=ledger(),
        standing=suspensions(),
        slots=deployment_records(),
        invoices=billing_records(),
        mail=CustomerLetters(DynamoUsers(), DynamoLetters()),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def proof() -> Proof:
    """What holds the books, the meters, the machines and the payments against each other."""
    from chalicelib.domain.operations.proof.books import Readers
    from chalicelib.domain.operations.proof.service import Proof

    readers = Readers(
        ledger_records(), meter_records(), deployment_records(), prices(), top_up_records(), refund_records()
    )
    return Proof(readers, clock())


@cache
def daily_proof() -> DailyProof:
    """The proof that is kept, and tells staff of what it finds."""
    from chalicelib.adapters.aws.reports import S3Reports
    from chalicelib.domain.operations.proof.service import DailyProof

    return DailyProof(proof(), S3Reports(settings().reports_bucket), staff_alerts())


@cache
def closings() -> Closings:
    """What closes customers."""
    from chalicelib.adapters.dynamodb.money.auto_top_up import DynamoAutoTopUpRecords
    from chalicelib.adapters.dynamodb.operations.departure import DynamoClosings
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.invitations import DynamoRosters
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.members import DynamoMembers
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.operations.departure.service import Books, Closings

    return Closings(
        records=DynamoClosings(),
        books=Books(ledger(), deployment_records(), top_up_records(), DynamoAutoTopUpRecords(), invoicing()),
        ledger=ledger(),
        users=DynamoUsers(),
        members=DynamoMembers(),
        sessions=DynamoSessions(),
        letters=DynamoLetters(),
        rosters=DynamoRosters(),
        reauthentication=reauthentication(),
        clock=clock(),
    )


@cache
def archives() -> Archives:
    """What writes large archives."""
    from chalicelib.adapters.aws.archives import S3Archives

    return S3Archives(settings().reports_bucket)


@cache
def data_exports() -> DataExports:
    """What gives people their data."""
    from chalicelib.adapters.dynamodb.cloud.projects import DynamoProjects
    from chalicelib.adapters.dynamodb.cloud.ssh_keys import DynamoSshKeyRecords
    from chalicelib.adapters.dynamodb.foundation.api_keys import DynamoApiKeyRecords
    from chalicelib.adapters.dynamodb.operations.data_exports import DynamoDataExports
    from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
    from chalicelib.adapters.dynamodb.people.letters import DynamoLetters
    from chalicelib.adapters.dynamodb.people.sessions import DynamoSessions
    from chalicelib.domain.operations.departure.contents import Contents, Sources
    from chalicelib.domain.operations.departure.exports import DataExports

    sources = Sources(
        users=DynamoUsers(),
        sessions=DynamoSessions(),
        activity=activity_log(),
        deployments=deployment_records(),
        projects=DynamoProjects(),
        ssh_keys=DynamoSshKeyRecords(),
        api_keys=DynamoApiKeyRecords(),
        ledger=ledger_records(),
        billing=billing_records(),
        top_ups=top_up_records(),
    )
    return DataExports(
        records=DynamoDataExports(),
        archives=archives(),
        contents=Contents(sources, printer()),
        users=DynamoUsers(),
        letters=DynamoLetters(),
        limiter=rate_limiter(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def erasure() -> Erasure:
    """What erases closed customers."""
    from chalicelib.adapters.dynamodb.foundation.api_keys import DynamoApiKeyRecords
    from chalicelib.adapters.dynamodb.operations.departure import DynamoClosings, DynamoRemains
    from chalicelib.domain.operations.departure.erasure import Erasure

    return Erasure(
        records=DynamoClosings(),
        remains=DynamoRemains(),
        invoices=invoicing(),
        cards=payment_methods(),
        api_keys=DynamoApiKeyRecords(),
        transactor=transactor(),
        clock=clock(),
    )


@cache
def health() -> Health:
    """What stands behind all this, and whether it answers."""
    from chalicelib.adapters.aws.probes import MailProbe, SecretReader, SigningKeyProbe, StateMachinesProbe
    from chalicelib.adapters.dynamodb.foundation.health import TableProbe
    from chalicelib.adapters.providers.openstack.probes import ProviderProbe
    from chalicelib.domain.foundation.health.service import Health

    here, secrets = settings(), SecretReader()
    probes: list[Probe] = [
        TableProbe(),
        StateMachinesProbe(f"{here.state_machine_arn_prefix}deployment-provision"),
        MailProbe(),
        SigningKeyProbe(lambda: secrets.read(here.signing_key_secret_id)),
        ProviderProbe(lambda: secrets.read(here.provider_secret_id)),
    ]
    return Health(probes, clock())
