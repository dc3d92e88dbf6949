"""What people say of themselves, and what they want to be told."""

from dataclasses import replace

from chalicelib.domain.people.accounts.models import Notification, User
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.kernel.clock import is_time_zone
from chalicelib.kernel.errors import InvalidInput, NotFound, Unauthorized
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write


class Preferences:
    """Keeps people's profiles and settings; a change of the one leaves the other as it is."""

    def __init__(self, users: Users, transactor: Transactor) -> None:
        self._users = users
        self._transactor = transactor

    def get(self, user_id: str) -> User:
        """The person.

        Raises:
            Unauthorized: there is no such user any more.
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
        """Set what a person says of themselves.

        Raises:
            InvalidInput: there is no such time zone, or no number to call.
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
        """Give a person another name, and leave the rest."""
        user = replace(self.get(user_id), name=name)
        self._keep(self._users.describe(user))
        return user

    def put_settings(self, user_id: str, *, muted: frozenset[Notification], default_customer_id: str) -> User:
        """Set which mails a person does without, and which customer new sessions act for (empty: the oldest).

        Raises:
            NotFound: the person is no member of that customer.
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
