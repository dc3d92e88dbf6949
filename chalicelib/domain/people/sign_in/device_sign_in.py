"""Signs in a device without a browser, such as a command line: the device authorisation grant (RFC 8628).

The device gets two codes. It shows the short one (the user code), which its user enters in a session that is
signed in already; with the long one (the device code) it polls for the result. So nobody enters a password on a
device.
"""

import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.foundation.access.models import Principal
from chalicelib.domain.people.accounts.models import Origin
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.accounts.tokens import new_secret
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.second_factor.ports import SecondFactors
from chalicelib.domain.people.sessions.models import SessionTokens
from chalicelib.domain.people.sign_in.errors import AccessDenied, AuthorizationPending, ExpiredToken, SlowDown
from chalicelib.domain.people.sign_in.models import POLLING_SECONDS, Answer, DeviceSignIn
from chalicelib.domain.people.sign_in.opening import SessionOpener
from chalicelib.domain.people.sign_in.ports import DeviceSignIns
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import NotFound, Unauthorized
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.transactions import ConditionFailed, Transactor, with_fresh_reads

DEVICE_SIGN_IN_LIFE = timedelta(minutes=10)
_SLOWER_BY_SECONDS = 5  # RFC 8628, section 3.5: slow_down adds 5 seconds to this and all later intervals
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no words appear, and nothing that looks like a digit (RFC 8628, section 6.1)."""
_HALF = 4
_USER_CODE = re.compile(f"[{_LETTERS}]{{{2 * _HALF}}}")
_NO_SUCH_CODE = "No device waits with this code; compare it with what the device shows, or begin there anew."
_SPENT = "This code has expired or was used; begin anew on the device."
_DENIED = "The sign-in was refused."


@dataclass(frozen=True)
class DeviceCodes:
    """The codes that a device gets; shown once."""

    device_code: str
    user_code: str
    expires_in_seconds: int
    interval_seconds: int


class DeviceFlow:
    """Signs in devices."""

    def __init__(
        self,
        *,
        requests: DeviceSignIns,
        users: Users,
        factors: SecondFactors,
        opener: SessionOpener,
        attempts: Attempts,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._requests = requests
        self._users = users
        self._factors = factors
        self._opener = opener
        self._attempts = attempts
        self._transactor = transactor
        self._clock = clock

    def begin(self, client_name: str, origin: Origin) -> DeviceCodes:
        """Return codes for a device that names itself `client_name`."""

        def keep() -> DeviceCodes:
            now, device_code, user_code = self._clock.now(), new_secret(), _new_user_code()
            request = DeviceSignIn(
                code_hash=hash_of(device_code),
                user_code=user_code,
                client_name=client_name,
                ip=origin.ip,
                requested_at=now,
                expires_at=now + DEVICE_SIGN_IN_LIFE,
            )
            self._transactor.commit(self._requests.insert(request))
            shown = f"{user_code[:_HALF]}-{user_code[_HALF:]}"
            return DeviceCodes(device_code, shown, int(DEVICE_SIGN_IN_LIFE.total_seconds()), POLLING_SECONDS)

        return with_fresh_reads(keep, stale=frozenset({"user_code_is_free"}))

    def asking(self, user_id: str, user_code: str) -> DeviceSignIn:
        """Return the device with `user_code`, for its user to check before answering.

        Raises:
            NotFound: no device with this code waits for an answer.
            RateLimited: the user tried too many codes.
        """
        self._attempts.user_code(user_id)
        request = self._requests.of_user_code(user_code)
        if request is None or self._clock.now() >= request.expires_at:
            raise NotFound(_NO_SUCH_CODE)
        return request

    def approve(self, approver: Principal, user_code: str) -> DeviceSignIn:
        """Approve a session for the device, with the approver's user and current customer.

        Raises:
            NotFound: no device with this code waits for an answer.
            RateLimited: the user tried too many codes.
        """
        request, user = self.asking(approver.user_id, user_code), self._users.get(approver.user_id)
        if user is None:
            raise Unauthorized()
        approved = replace(
            request,
            answer=Answer.APPROVED,
            user_id=user.id,
            customer_id=approver.customer_id,
            password_version=user.password_version,
            has_second_factor=approver.has_second_factor,
        )
        self._answer(approved)
        return approved

    def deny(self, user_id: str, user_code: str) -> DeviceSignIn:
        """Refuse the device a session; raises the errors of `approve`."""
        denied = replace(self.asking(user_id, user_code), answer=Answer.DENIED)
        self._answer(denied)
        return denied

    def exchange(self, device_code: str, origin: Origin) -> SessionTokens:
        """Return the approved session, once.

        Raises:
            AuthorizationPending: the user has not answered yet.
            SlowDown: the device polls faster than it was told to.
            AccessDenied: the user refused, or lost the rights that the approval was based on.
            ExpiredToken: the code has expired, or never existed.
        """
        request, now = self._requests.get(hash_of(device_code)), self._clock.now()
        if request is None or now >= request.expires_at:
            raise ExpiredToken()
        try:
            match request.answer:
                case Answer.WAITING:
                    raise self._pending(request, now)
                case Answer.DENIED:
                    self._transactor.commit([self._requests.spend(request)])
                    raise AccessDenied(_DENIED)
                case Answer.APPROVED:
                    return self._open(request, origin)
        except ConditionFailed as failed:
            raise (AccessDenied() if "same_password" in failed.asserts else ExpiredToken(_SPENT)) from failed

    def _pending(self, request: DeviceSignIn, now: datetime) -> AuthorizationPending | SlowDown:
        """Return the error for a device that must continue to poll."""
        interval = timedelta(seconds=request.interval_seconds)
        is_too_fast = request.polled_at is not None and now - request.polled_at < interval
        seconds = request.interval_seconds + (_SLOWER_BY_SECONDS if is_too_fast else 0)
        self._transactor.commit([self._requests.poll(replace(request, interval_seconds=seconds, polled_at=now))])
        return (SlowDown if is_too_fast else AuthorizationPending)(retry_after_seconds=seconds)

    def _open(self, request: DeviceSignIn, origin: Origin) -> SessionTokens:
        user = self._users.get(request.user_id)
        memberships = self._users.memberships(request.user_id)
        is_member = request.customer_id in {"", *(membership.customer_id for membership in memberships)}
        if user is None or user.password_version != request.password_version or not is_member:
            self._transactor.commit([self._requests.spend(request)])
            raise AccessDenied()
        return self._opener.open(
            user,
            replace(origin, user_agent=request.client_name),
            [self._requests.spend(request), self._users.same_password(user)],
            second_factor=self._factors.is_on(user.id) if request.has_second_factor else None,
            customer_id=request.customer_id,
        )

    def _answer(self, request: DeviceSignIn) -> None:
        try:
            self._transactor.commit(self._requests.answer(request))
        except ConditionFailed as failed:
            raise NotFound(_NO_SUCH_CODE) from failed


def read_user_code(typed: str) -> str:
    """The code that a person means: its letters in capitals, without what they put between them.

    People type a code as their device or their habit groups it, so that spaces, hyphens, dashes and dots say
    nothing (RFC 8628, section 6.1).

    Raises:
        ValueError: it is no code.
    """
    code = "".join(character for character in typed if character.isalnum()).upper()
    if not _USER_CODE.fullmatch(code):
        raise ValueError("This is no code of a device: type the eight letters that it shows.")
    return code


def _new_user_code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(2 * _HALF))
