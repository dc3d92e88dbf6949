"""Errors of providers. An adapter raises no others, and the API answers with them unchanged.

An endpoint that calls a provider declares `asks_provider=True`, which documents these errors. It does not catch
them: the customer gets the code and its sentence, and the log gets the provider's text.
"""

from typing import ClassVar, Final

from chalicelib.domain.cloud.providers.models import FailureCode
from chalicelib.kernel.errors import HearthError

BUSY_SECONDS: Final = 5
"""The `Retry-After` of a busy provider that gives none."""


class ProviderError(HearthError):
    """A call to a provider failed.

    The text is for staff and may contain the provider's own words; customers get the sentence of the code. The
    Retry rules of the state machines match the class names.
    """

    code, status = "PROVIDER_ERROR", 502
    sentence = "The region's control plane gave no answer, or refused; try again later."
    failure: ClassVar[FailureCode] = FailureCode.PROVISIONING_FAILED
    """The failure code of a machine that was to be built."""

    def __init__(self, text: str = "", *, retry_after_seconds: int | None = None) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.text = text or self.sentence

    def __str__(self) -> str:
        return self.text


class ProviderUnreachable(ProviderError):
    """No answer, an incomplete one, or a 5xx: the call may have taken effect. Check before trying again (G20)."""


class ProviderThrottled(ProviderError):
    """The provider throttles us (429). Nothing happened; try again later."""

    code, status = "PROVIDER_BUSY", 503
    sentence = "The region is busy; try again in a moment."
    failure = FailureCode.PROVIDER_BUSY

    def __init__(self, text: str = "", *, retry_after_seconds: int | None = None) -> None:
        super().__init__(text, retry_after_seconds=retry_after_seconds or BUSY_SECONDS)


class CapacityUnavailable(ProviderError):
    """The provider has no capacity for this machine."""

    code, status = "CAPACITY_UNAVAILABLE", 409
    sentence = "There is no free capacity for this type in this region right now."
    failure = FailureCode.CAPACITY_UNAVAILABLE


class QuotaExceeded(ProviderError):
    """Our own account at the provider has reached a quota, or every project of the region is full."""

    code, status = "PROVIDER_QUOTA", 409
    sentence = "This region's quota is used up for the moment; try another region or try again later."
    failure = FailureCode.PROVIDER_QUOTA


class SpecRejected(ProviderError):
    """The provider will never build this: an unknown flavor, image or network, or an invalid parameter."""


class ProviderDenied(ProviderError):
    """Our credentials do not allow this. Staff must act; a retry alone does not help."""


PROVIDER_ERRORS: Final = (CapacityUnavailable, ProviderError, ProviderThrottled, QuotaExceeded)
"""One for each code that an endpoint with `asks_provider` can answer."""
