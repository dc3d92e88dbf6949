"""Users' profiles and settings."""

from dataclasses import replace

from chalicelib.domain.people.accounts.models import Notification, User
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.kernel.clock import is_time_zone
from chalicelib.kernel.errors import InvalidInput, NotFound, Unauthorized
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write


class Preferences:
    """Reads and changes profiles and settings; changing one does not touch the other."""

    def __init__(self, users: Users, transactor: Transactor) -> None:
        self._users = users
        self._transactor = transactor

    def get(self, user_id: str) -> User:
        """Return the user.

        Raises:
            Unauthorized: the user no longer exists.
        """
        user = self._users.get(user_id)
        if user is None:
            raise Unauthorized()
        return user

    def put_profile(
        self,
        user_id: str,
        *,
        name: str,
        phone: str,
        locale: str,
        time_zone: str,
        may_be_called: bool,
        wants_news: bool,
    ) -> User:
        """Set a user's profile.

        Raises:
            InvalidInput: the time zone is unknown, or the user allows calls without giving a phone number.
        """
        if not is_time_zone(time_zone):
            raise InvalidInput.of("timeZone", "Give a time zone of the IANA database, such as Europe/Berlin.")
        if may_be_called and not phone:
            raise InvalidInput.of("contactPreferences.byPhone", "Give a phone number to be called at.")
        user = replace(
            self.get(user_id),
            name=name,
            phone=phone,
            locale=locale,
            time_zone=time_zone,
            may_be_called=may_be_called,
            wants_news=wants_news,
        )
        self._keep(self._users.describe(user))
        return user

    def rename(self, user_id: str, name: str) -> User:
        """Change only the name of a user."""
        user = replace(self.get(user_id), name=name)
        self._keep(self._users.describe(user))
        return user

    def put_settings(self, user_id: str, *, muted: frozenset[Notification], default_customer_id: str) -> User:
        """Set the mails that a user turns off, and the customer that new sessions act for (empty: the oldest).

        Raises:
            NotFound: the user is not a member of that customer.
        """
        ids = {membership.customer_id for membership in self._users.memberships(user_id)}
        if default_customer_id and default_customer_id not in ids:
            raise NotFound("You are no member of this customer.")
        user = replace(self.get(user_id), muted=muted, default_customer_id=default_customer_id)
        self._keep(self._users.choose(user))
        return user

    def _keep(self, change: Write) -> None:
        try:
            self._transactor.commit([change])
        except ConditionFailed as failed:
            raise Unauthorized() from failed
