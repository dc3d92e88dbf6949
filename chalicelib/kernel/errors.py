"""Every error that the API can return: one code, one HTTP status, one sentence that helps the caller.

Clients compare the codes, so a released code never changes its meaning. `ERROR_CLASSES` lists them for
the OpenAPI document. Any other exception is returned as `INTERNAL_ERROR`, without its text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field; `field` is its path in JSON names, such as `storage.sizeGb`."""

    field: str
    message: str


class HearthError(Exception):
    """A request that is refused, with a code for programs and a sentence for people."""

    code: ClassVar[str]
    status: ClassVar[int]
    sentence: ClassVar[str]

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Iterable[FieldError] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        self.message = message or self.sentence
        self.details = tuple(details)
        self.retry_after_seconds = retry_after_seconds
        super().__init__(self.message)


class InvalidInput(HearthError):
    code, status = "VALIDATION_ERROR", 400
    sentence = "The request is not valid; see the details."

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidInput":
        """The error for a single field; the field's message is also the error's message."""
        return cls(message, details=[FieldError(field, message)])


class AuthorizationPending(HearthError):
    code, status = "AUTHORIZATION_PENDING", 400  # RFC 8628, section 3.5; the next three too
    sentence = "The user has not approved this device yet; ask again after a while."


class SlowDown(HearthError):
    code, status = "SLOW_DOWN", 400
    sentence = "This asks too often; wait five seconds more between two questions from now on."


class AccessDenied(HearthError):
    code, status = "ACCESS_DENIED", 400
    sentence = "The sign-in was refused, or what it was approved with has changed; begin anew."


class ExpiredToken(HearthError):
    code, status = "EXPIRED_TOKEN", 400
    sentence = "This device code is not valid any more; begin anew."


class Unauthorized(HearthError):
    code, status = "UNAUTHORIZED", 401
    sentence = "Sign in first: the access token is missing, invalid or has ended."


class InvalidCredentials(HearthError):
    code, status = "INVALID_CREDENTIALS", 401
    sentence = "The e-mail address or the password is wrong."


class InsufficientBalance(HearthError):
    code, status = "INSUFFICIENT_BALANCE", 402
    sentence = "The available balance does not cover this; add funds first."


class AccountSuspended(HearthError):
    code, status = "ACCOUNT_SUSPENDED", 402
    sentence = "Your balance has run out and your machines are switched off; add funds to go on."


class SpendCapReached(HearthError):
    code, status = "SPEND_CAP_REACHED", 402
    sentence = "The spend cap leaves no room for this; raise it, or wait until it starts anew."


class Forbidden(HearthError):
    code, status = "FORBIDDEN", 403
    sentence = "You may not do this."


class AddressNotAllowed(HearthError):
    code, status = "ADDRESS_NOT_ALLOWED", 403
    sentence = "This API key may not be used from the address that the request came from."


class InvalidTwoFactorCode(HearthError):
    code, status = "INVALID_TWO_FACTOR_CODE", 403
    sentence = "The code is wrong, has expired or was used before; wait for the next one."


class TwoFactorRequired(HearthError):
    code, status = "TWO_FACTOR_REQUIRED", 403
    sentence = "Staff need a second factor for this: set it up at /security/2fa/setup, or sign in with it."


class CustomerBlocked(HearthError):
    code, status = "CUSTOMER_BLOCKED", 403
    sentence = "This account is blocked: you can read, pay and delete machines; ask support about the rest."


class EmailNotVerified(HearthError):
    code, status = "EMAIL_NOT_VERIFIED", 403
    sentence = "Verify your e-mail address first; a new link can be requested."


class NotFound(HearthError):
    code, status = "NOT_FOUND", 404
    sentence = "There is no such thing here."


class Conflict(HearthError):
    code, status = "CONFLICT", 409
    sentence = "This collides with what is already there."


class OperationInProgress(HearthError):
    code, status = "OPERATION_IN_PROGRESS", 409
    sentence = "Another operation is changing this deployment; try again when it has ended."


class IdempotencyInProgress(HearthError):
    code, status = "IDEMPOTENCY_IN_PROGRESS", 409
    sentence = "The first request with this Idempotency-Key is still being answered; try again shortly."


class CapacityUnavailable(HearthError):
    code, status = "CAPACITY_UNAVAILABLE", 409
    sentence = "There is no free capacity for this type in this region right now."


class LimitExceeded(HearthError):
    code, status = "LIMIT_EXCEEDED", 409
    sentence = "Your account's limit is reached; delete something or ask support to raise it."


class ProviderQuota(HearthError):
    code, status = "PROVIDER_QUOTA", 409
    sentence = "This region's quota is used up for the moment; try another region or try again later."


class PayloadTooLarge(HearthError):
    code, status = "PAYLOAD_TOO_LARGE", 413
    sentence = "The request body is too large."


class IdempotencyConflict(HearthError):
    code, status = "IDEMPOTENCY_CONFLICT", 422
    sentence = "This Idempotency-Key was used before with another request."


class RateLimited(HearthError):
    code, status = "RATE_LIMITED", 429
    sentence = "Too many requests; wait as long as Retry-After says."


class InternalError(HearthError):
    code, status = "INTERNAL_ERROR", 500
    sentence = "Something went wrong on our side; it has been recorded."


class ProvisioningFailed(HearthError):
    code, status = "PROVISIONING_FAILED", 500
    sentence = "The machine could not be built; nothing was charged."


class OpenStackError(HearthError):
    code, status = "OPENSTACK_ERROR", 502
    sentence = "The region's control plane gave an error; try again later."


class PaymentProviderError(HearthError):
    code, status = "PAYMENT_PROVIDER_ERROR", 502
    sentence = "The payment provider did not answer as it should; nothing was charged twice, try again."


class ProviderBusy(HearthError):
    code, status = "PROVIDER_BUSY", 503
    sentence = "The region is busy; try again in a moment."


class Unavailable(HearthError):
    code, status = "SERVICE_UNAVAILABLE", 503
    sentence = "A part that this needs does not answer; try again in a moment."


ERROR_CLASSES: tuple[type[HearthError], ...] = tuple(
    sorted(HearthError.__subclasses__(), key=lambda error: (error.status, error.code))
)
