"""Requests and responses of the endpoints for profile and settings."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.people.accounts.models import Notification, User
from chalicelib.domain.people.second_factor.models import SecondFactorStatus
from chalicelib.http import ApiModel
from functions.money.balance.schemas import CustomerId
from functions.people.fields import PersonName

Phone = Annotated[
    str,
    StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$"),
    Field(description="E.164", examples=["+4930123456"]),
]
Locale = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"),
    Field(description="BCP 47", examples=["de-DE"]),
]
TimeZone = Annotated[
    str,
    StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+/-]{1,64}$"),
    Field(
        description="From the IANA database, for showing times; invoices use the billing profile's",
        examples=["Europe/Berlin"],
    ),
]


class ContactPreferences(ApiModel):
    """How a user may be contacted beyond what the service requires."""

    by_phone: bool = Field(default=False, description="Whether support may call")
    product_news: bool = Field(default=False, description="Whether mails about new products may be sent")


class AccountProfileBody(ApiModel):
    """A user's profile; `/account/change-email` changes the e-mail address."""

    name: PersonName
    phone: Phone | None = None
    locale: Locale = "en"
    time_zone: TimeZone = "UTC"
    contact_preferences: ContactPreferences = ContactPreferences()


class AccountProfileView(ApiModel):
    """A user's own profile."""

    id: str = Field(examples=["usr_01J…"])
    email: str = Field(examples=["ada@example.com"])
    is_email_verified: bool
    name: str
    phone: str | None
    locale: str
    time_zone: str
    contact_preferences: ContactPreferences
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        """The view of `user`."""
        return cls(
            id=user.id,
            email=user.email,
            is_email_verified=user.is_verified,
            name=user.name,
            phone=user.phone or None,
            locale=user.locale,
            time_zone=user.time_zone,
            contact_preferences=ContactPreferences(by_phone=user.may_be_called, product_news=user.wants_news),
            created_at=user.created_at,
        )


class Notifications(ApiModel):
    """The mails that a user gets; mails about security, suspension, invoices and prices cannot be turned off."""

    low_balance: bool = Field(default=True, description="24, 6 and 1 hours before the balance is used up")
    resumed: bool = Field(default=True, description="When machines run again after a suspension")
    spend_caps: bool = Field(default=True, description="When a spend cap is near, or is lifted")
    auto_top_up: bool = Field(default=True, description="When automatic top-up has paused")

    def muted(self) -> frozenset[Notification]:
        """The notifications that are turned off."""
        return frozenset(kind for kind in Notification if not getattr(self, kind.value))

    @classmethod
    def of(cls, user: User) -> Self:
        """The notifications of `user`."""
        return cls(**{kind.value: kind not in user.muted for kind in Notification})


class SettingsBody(ApiModel):
    """A user's settings."""

    notifications: Notifications
    default_customer_id: CustomerId | None = Field(
        default=None, description="The customer that new sessions act for; null: your oldest"
    )


class TwoFactorState(ApiModel):
    """Whether sign-ins require a code."""

    enabled: bool
    on_since: datetime | None
    recovery_codes_left: int

    @classmethod
    def of(cls, status: SecondFactorStatus) -> Self:
        """The view of `status`."""
        return cls(
            enabled=status.on_since is not None,
            on_since=status.on_since,
            recovery_codes_left=status.recovery_codes_left,
        )


class SettingsView(ApiModel):
    """A user's settings, and the state of the account."""

    notifications: Notifications
    default_customer_id: str | None
    is_email_verified: bool
    two_factor: TwoFactorState
    active_sessions: int
    auto_top_up_enabled: bool | None = Field(
        description="Of the customer that this session acts for; null if you may not see it"
    )

    @classmethod
    def of(
        cls, user: User, two_factor: SecondFactorStatus, *, active_sessions: int, auto_top_up_enabled: bool | None
    ) -> Self:
        """The view of the settings of `user`."""
        return cls(
            notifications=Notifications.of(user),
            default_customer_id=user.default_customer_id or None,
            is_email_verified=user.is_verified,
            two_factor=TwoFactorState.of(two_factor),
            active_sessions=active_sessions,
            auto_top_up_enabled=auto_top_up_enabled,
        )
