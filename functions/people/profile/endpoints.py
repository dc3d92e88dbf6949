"""Endpoints for a user's profile and settings."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.people.accounts.models import User
from chalicelib.http import Caller, endpoint
from chalicelib.kernel.errors import NotFound
from chalicelib.wiring.app import app
from functions.people.profile.schemas import AccountProfileBody, AccountProfileView, SettingsBody, SettingsView


@endpoint("GET", "/account/profile", aliases=(("GET", "/users/profile"),))
def get_profile(caller: Caller) -> AccountProfileView:
    """Show your profile."""
    return AccountProfileView.of(app().people.preferences.get(caller.user_id))


@endpoint("PUT", "/account/profile", aliases=(("PUT", "/users/profile"),))
def put_profile(request: AccountProfileBody, caller: Caller) -> AccountProfileView:
    """Set your name, phone, language, time zone, and how you may be contacted."""
    user = app().people.preferences.put_profile(
        caller.user_id,
        name=request.name,
        phone=request.phone or "",
        locale=request.locale,
        time_zone=request.time_zone,
        may_be_called=request.contact_preferences.by_phone,
        wants_news=request.contact_preferences.product_news,
    )
    return AccountProfileView.of(user)


@endpoint("GET", "/account/settings")
def get_settings(caller: Caller) -> SettingsView:
    """Show which mails you get, and the state of your account."""
    return _settings(app().people.preferences.get(caller.user_id), caller)


@endpoint("PUT", "/account/settings", errors=(NotFound,))
def put_settings(request: SettingsBody, caller: Caller) -> SettingsView:
    """Set which mails you get, and the customer that new sessions act for."""
    user = app().people.preferences.put_settings(
        caller.user_id,
        muted=request.notifications.muted(),
        default_customer_id=request.default_customer_id or "",
    )
    return _settings(user, caller)


def _settings(user: User, caller: Caller) -> SettingsView:
    may_see = Scope.BILLING_READ in caller.principal.scopes
    rule = app().money.auto_top_ups.get(caller.customer_id) if may_see else None
    return SettingsView.of(
        user,
        app().people.two_factor.status(user.id),
        active_sessions=app().people.own_account.count_sessions(user.id),
        auto_top_up_enabled=bool(rule and rule.settings.enabled) if may_see else None,
    )
