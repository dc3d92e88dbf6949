"""Hearth's failure codes for OpenStack's error texts, recorded from a real one or quoted from its source."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.providers.openstack.failures import (
    MAX_RETRY_AFTER_SECONDS,
    REASON_LIMIT,
    error_from_answer,
    failure_from_reason,
    one_line,
)
from chalicelib.domain.cloud.providers.errors import (
    BUSY_SECONDS,
    CapacityUnavailable,
    ProviderDenied,
    ProviderError,
    ProviderThrottled,
    ProviderUnreachable,
    QuotaExceeded,
    SpecRejected,
)
from chalicelib.domain.cloud.providers.models import FailureCode

NO_VALID_HOST = (
    "Resource CREATE failed: ResourceInError: resources.server: Went to status ERROR due to "
    '"Message: No valid host was found. , Code: 500"'
)
INSTANCE_QUOTA = (
    "Resource CREATE failed: Forbidden: resources.s: Quota exceeded for instances: Requested 1, but already used "
    "0 of 0 instances (HTTP 403) (Request-ID: req-c4cb1acd-911f-4f51-9beb-e5cc745ba5ab)"
)
BAD_ADDRESS = (
    "Resource CREATE failed: InvalidIpForNetworkClient: resources.p: IP address 10.99.0.1 is not a valid IP for "
    "any of the subnets on the specified network.\n"
    "Neutron server returns request_ids: ['req-44f6cfe2-c4a6-4bd9-bfe6-4f59dd58b0f3']"
)


@pytest.mark.guarantee("G27")
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (NO_VALID_HOST, FailureCode.CAPACITY_UNAVAILABLE),
        ("Message: Exceeded maximum number of retries. Exhausted all hosts", FailureCode.CAPACITY_UNAVAILABLE),
        ("No more IP addresses available on network 34cc5ef7.", FailureCode.CAPACITY_UNAVAILABLE),
        ("IpAddressGenerationFailureClient: resources.port", FailureCode.CAPACITY_UNAVAILABLE),
        ("schedule allocate volume:Failed: No valid backend was found.", FailureCode.CAPACITY_UNAVAILABLE),
        (INSTANCE_QUOTA, FailureCode.PROVIDER_QUOTA),
        ("Quota exceeded for resources: ['floatingip'].", FailureCode.PROVIDER_QUOTA),
        ("OverQuotaClient: resources.port: Quota exceeded for resources: ['port'].", FailureCode.PROVIDER_QUOTA),
        (
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota.",
            FailureCode.PROVIDER_QUOTA,
        ),
        ("VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded", FailureCode.PROVIDER_QUOTA),
        ("ClientException: resources.server: Too Many Requests (HTTP 429)", FailureCode.PROVIDER_BUSY),
        (BAD_ADDRESS, FailureCode.PROVISIONING_FAILED),
        ("Timed out", FailureCode.PROVISIONING_FAILED),
        (
            "Resource CREATE failed: ValueError: resources.t: Test Resource failed t",
            FailureCode.PROVISIONING_FAILED,
        ),
        ("", FailureCode.PROVISIONING_FAILED),
    ],
)
def test_g27_a_stacks_reason_becomes_a_code(reason: str, code: FailureCode) -> None:
    assert failure_from_reason(reason).code is code


def heat(kind: str, message: str) -> dict[str, Any]:
    return {"code": 400, "title": "Bad Request", "error": {"type": kind, "traceback": None, "message": message}}


INVALID = "StackValidationFailed"


@pytest.mark.guarantee("G27")
@pytest.mark.parametrize(
    ("status", "body", "error", "told"),
    [
        (
            400,
            heat(
                INVALID, "Property error: : resources.server.properties.image: : Error validating value 'nope': No"
            ),
            SpecRejected,
            "image: ",
        ),
        (
            400,
            heat(
                INVALID, "Property error: : resources.server.properties.flavor: : No Flavor matching. (HTTP 404)"
            ),
            SpecRejected,
            "flavor: ",
        ),
        (
            400,
            heat(
                INVALID, "Property error: : resources.floating_ip.properties.floating_network: : Error validating"
            ),
            SpecRejected,
            "public_network: ",
        ),
        (400, heat("UserParameterMissing", "The Parameter (image) was not provided."), SpecRejected, "image: "),
        (400, heat(INVALID, "Parameter 'storage_gb' is invalid: 0 is out of range"), SpecRejected, "storage_gb: "),
        (400, heat("HTTPBadRequest", "No stack name specified"), SpecRejected, "POST /stacks: 400 No stack name"),
        (
            400,
            heat(
                "RequestLimitExceeded", "You have reached the maximum stacks per tenant, 512. Please delete some"
            ),
            QuotaExceeded,
            "POST /stacks: 400 You have reached",
        ),
        (
            401,
            {"error": {"code": 401, "message": "requires authentication."}},
            ProviderDenied,
            "POST /stacks: 401",
        ),
        (403, heat("HTTPForbidden", "Access was denied to this resource."), ProviderDenied, "POST /stacks: 403"),
        (
            403,
            {"forbidden": {"code": 403, "message": "Quota exceeded for instances"}},
            QuotaExceeded,
            "POST /stacks: 403 Quota",
        ),
        (404, {}, ProviderError, "POST /stacks: 404"),
        (
            409,
            {
                "NeutronError": {
                    "type": "IpAddressGenerationFailure",
                    "message": "No more IP addresses available on",
                }
            },
            CapacityUnavailable,
            "POST /stacks: 409 No more",
        ),
        (409, heat("ActionInProgress", "Stack x already has an action"), ProviderThrottled, "POST /stacks: 409"),
        (409, heat("Conflict", "something else"), ProviderError, "POST /stacks: 409 something"),
        (413, {"overLimit": {"message": "slow down", "retryAfter": 3}}, ProviderThrottled, "POST /stacks: 413"),
        (429, {}, ProviderThrottled, "POST /stacks: 429"),
        (500, heat("RemoteError", ""), ProviderUnreachable, "POST /stacks: 500"),
        (503, {}, ProviderUnreachable, "POST /stacks: 503"),
        (400, heat("AttributeError", ""), ProviderUnreachable, "POST /stacks: 400 AttributeError"),
        (
            403,
            {"errors": [{"status": 403, "detail": "Policy does not allow"}]},
            ProviderDenied,
            "POST /stacks: 403 Policy",
        ),
    ],
)
def test_g27_an_answer_becomes_an_error_of_the_port(
    status: int, body: dict[str, Any], error: type[ProviderError], told: str
) -> None:
    made = error_from_answer("POST /stacks", status, body)

    assert type(made) is error
    assert str(made).startswith(told)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, BUSY_SECONDS),
        ("soon", BUSY_SECONDS),
        ("7", 7),
        ("0", 1),
        ("86400", MAX_RETRY_AFTER_SECONDS),
        ("Fri, 01 Jan 2100 00:00:00 GMT", MAX_RETRY_AFTER_SECONDS),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
    ],
)
def test_a_busy_region_says_for_how_long_and_is_believed_within_reason(
    retry_after: str | None, seconds: int
) -> None:
    assert error_from_answer("GET /stacks", 429, {}, retry_after).retry_after_seconds == seconds


def test_g27_what_a_region_says_is_for_staff() -> None:
    error = error_from_answer("POST /stacks", 403, heat("Forbidden", INSTANCE_QUOTA))
    assert "Quota exceeded" in str(error)
    assert error.message == QuotaExceeded.sentence


def test_an_error_without_a_message_tells_its_kind() -> None:
    body = {"code": 500, "error": {"type": "RemoteError", "traceback": None}}

    assert "RemoteError" in str(error_from_answer("POST /stacks", 500, body))


@given(st.text(), st.sampled_from([NO_VALID_HOST, INSTANCE_QUOTA, BAD_ADDRESS, ""]), st.text())
def test_a_reason_of_any_shape_is_one_bounded_line(before: str, recorded: str, after: str) -> None:
    failure = failure_from_reason(before + recorded + after)

    assert failure.provider_reason
    assert len(failure.provider_reason) <= REASON_LIMIT
    assert failure.provider_reason.isprintable()


@given(st.text())
def test_one_line_is_idempotent(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


@given(
    st.integers(300, 599),
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["error", "message", "errors", "type"]) | st.text(), inner)
        ),
    ),
)
def test_any_body_gives_an_error_of_the_port(status: int, value: object) -> None:
    assert isinstance(error_from_answer("GET /", status, {"error": value, "errors": value}), ProviderError)
