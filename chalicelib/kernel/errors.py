"""Errors that the API can return: one code, one HTTP status, one sentence that helps the caller.

Clients compare the codes, so a released code never changes its meaning. This module has the errors that all areas
raise. Any other error is declared in the `errors.py` of the context that raises it. Each endpoint declares its
errors, and the OpenAPI document lists the codes of all endpoints (`ErrorCode`). Any other exception is returned as
`INTERNAL_ERROR`, without its text.
"""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from chalicelib.kernel.dataclasses import dataclass


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


class Unauthorized(HearthError):
    code, status = "UNAUTHORIZED", 401
    sentence = "Sign in first: the access token is missing, invalid or has ended."


class Forbidden(HearthError):
    code, status = "FORBIDDEN", 403
    sentence = "You may not do this."


class NotFound(HearthError):
    code, status = "NOT_FOUND", 404
    sentence = "There is no such thing here."


class Conflict(HearthError):
    code, status = "CONFLICT", 409
    sentence = "This collides with what is already there."


class LimitExceeded(HearthError):
    code, status = "LIMIT_EXCEEDED", 409
    sentence = "Your account's limit is reached; delete something or ask support to raise it."


class RateLimited(HearthError):
    code, status = "RATE_LIMITED", 429
    sentence = "Too many requests; wait as long as Retry-After says."


class Unavailable(HearthError):
    code, status = "SERVICE_UNAVAILABLE", 503
    sentence = "A part that this needs does not answer; try again in a moment."


def error_classes() -> tuple[type[HearthError], ...]:
    """Every error with a code of its own, of all the modules that are imported by now, by status and code."""
    found = {error for error in _below(HearthError) if "code" in vars(error)}
    return tuple(sorted(found, key=lambda error: (error.status, error.code)))


def _below(error: type[HearthError]) -> Iterator[type[HearthError]]:
    for subclass in error.__subclasses__():
        yield subclass
        yield from _below(subclass)
