"""Endpoints to sign in devices without a browser (RFC 8628): the device asks, a signed-in user answers."""

from chalicelib.domain.people.sign_in.errors import AccessDenied, AuthorizationPending, ExpiredToken, SlowDown
from chalicelib.http import Caller, Visitor, endpoint
from chalicelib.http.sessions import origin_of
from chalicelib.kernel.errors import NotFound
from chalicelib.runtime.grants import SIGNING_KEY
from chalicelib.wiring.app import app
from functions.people.device_sign_in.schemas import (
    DeviceCodesView,
    DeviceRequest,
    DeviceRequestView,
    DeviceTokenRequest,
    UserCode,
    UserCodeRequest,
)
from functions.people.sign_in.schemas import Message, SessionTokensView


@endpoint("POST", "/auth/device", public=True)
def begin_device_sign_in(request: DeviceRequest, visitor: Visitor) -> DeviceCodesView:
    """Sign in a device: show the user code and poll `POST /auth/device/token` each `interval` seconds."""
    codes = app().people.device_flow.begin(request.client_name, origin_of(visitor))
    return DeviceCodesView.of(codes, app().core.settings.public_url)


@endpoint(
    "POST",
    "/auth/device/token",
    public=True,
    errors=(AuthorizationPending, SlowDown, AccessDenied, ExpiredToken),
    grants=(SIGNING_KEY,),
)
def get_device_token(request: DeviceTokenRequest, visitor: Visitor) -> SessionTokensView:
    """Ask whether the device was approved; the answer contains the session's tokens only once.

    After `AUTHORIZATION_PENDING` or `SLOW_DOWN`, wait as long as `Retry-After` says, and ask again.
    """
    return SessionTokensView.of(app().people.device_flow.exchange(request.device_code, origin_of(visitor)))


@endpoint("GET", "/auth/device/{userCode}", errors=(NotFound,))
def get_device_request(user_code: UserCode, caller: Caller) -> DeviceRequestView:
    """Show which device has this code, before you answer. You can ask for twenty codes in a quarter of an hour."""
    return DeviceRequestView.of(app().people.device_flow.asking(caller.user_id, user_code))


@endpoint("POST", "/auth/device/approve", errors=(NotFound,))
def approve_device(request: UserCodeRequest, caller: Caller) -> DeviceRequestView:
    """Give the device a session of yours for the customer that you act for, no stronger than this session."""
    return DeviceRequestView.of(app().people.device_flow.approve(caller.principal, request.user_code))


@endpoint("POST", "/auth/device/deny", errors=(NotFound,))
def deny_device(request: UserCodeRequest, caller: Caller) -> Message:
    """Refuse the device."""
    denied = app().people.device_flow.deny(caller.user_id, request.user_code)
    return Message(message=f"{denied.client_name} gets no session.")
