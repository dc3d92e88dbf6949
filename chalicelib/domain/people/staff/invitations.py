"""Inviting people into the staff: the one mechanism of `invitations.py`, leading to the operator's own people.

Whoever holds the token has the mailbox, which is enough to open an account. It is not enough to give a place to
an account that is there: anybody can open one for another's address, and gets in with their own password once that
is verified, which a careless click does. So the invited sign in first; who cannot, chooses another password by
mail.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from chalicelib.domain.foundation.access.models import Scope, StaffRole, StaffStatus
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.domain.foundation.activity.ports import StaffLogWrites
from chalicelib.domain.people.accounts.models import Origin
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.organisations.entrance import Entrance, FoundInvitation
from chalicelib.domain.people.organisations.models import Invitation, InvitationKind
from chalicelib.domain.people.organisations.ports import INVITER_MAY
from chalicelib.domain.people.staff.models import StaffMembership
from chalicelib.domain.people.staff.ports import StaffRecords
from chalicelib.kernel.errors import FieldError, InvalidInput
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Write

_NEEDED = "Give this, to open an account for the address that was invited."
_UNNEEDED = "The address that was invited has an account: leave this out, and sign in to it."


class StaffAsPlace:
    """`Place` of the operator's own people."""

    kind = InvitationKind.STAFF
    people_joining = 1

    def __init__(self, records: StaffRecords, log: StaffLogWrites) -> None:
        self._records = records
        self._log = log

    def name(self, place_id: str) -> str:
        """What the invited person is shown; there is one staff."""
        return "Hearth"

    def may_grant(self, scopes: frozenset[Scope], role: str) -> bool:
        """Owners give every role; nobody else gives any."""
        return Scope.STAFF_MEMBERS_WRITE in scopes

    def inviter_still_may(self, invitation: Invitation) -> Sequence[Write]:
        """Assert that the inviter is still an owner; see `Place.inviter_still_may`."""
        return [self._records.still_owner(invitation.inviter_id, INVITER_MAY)]

    def has(self, place_id: str, user_id: str) -> bool:
        """Whether this user is in the staff; see `Place.has`."""
        return self._records.get(user_id) is not None

    def join(self, invitation: Invitation, user_id: str, now: datetime) -> Sequence[Write]:
        """Give the user a place; see `Place.join`."""
        return self._records.insert(StaffMembership(user_id, StaffRole(invitation.role), StaffStatus.ACTIVE, now))

    def note(
        self, invitation: Invitation, action: str, actor_user_id: str, origin: Origin, now: datetime
    ) -> Sequence[Write]:
        """Put it into the staff's own log; see `Place.note`."""
        activity = Activity(
            id=new_id(Kind.ACTIVITY, now),
            customer_id="",
            at=now,
            actor_user_id=actor_user_id,
            action=action,
            outcome=Outcome.DONE,
            targets={"invitationId": invitation.id, "email": invitation.email, "role": invitation.role},
            by_staff=True,
            ip=origin.ip,
            request_id=origin.request_id,
        )
        return [self._log.insert_staffs(activity)]


class StaffEntrance:
    """Where the invited come in."""

    def __init__(self, entrance: Entrance, users: Users) -> None:
        self._entrance = entrance
        self._users = users

    def look_up(self, token: str, origin: Origin) -> FoundInvitation:
        """What the holder of `token` is invited to; see `Entrance.look_up`."""
        return self._entrance.look_up(token, origin)

    def accept(
        self,
        token: str,
        name: str | None,
        password: str | None,
        signed_in_user_id: Callable[[], str],
        origin: Origin,
    ) -> Invitation:
        """Give whoever holds `token` the place that it stands for.

        Args:
            token: out of the mail.
            name: of a person without an account; None of one who has one.
            password: likewise; it is chosen here.
            signed_in_user_id: who is signed in; asked only of a person who has an account.
            origin: where the request comes from.

        Raises:
            InvalidInput: the token is not valid (any more), the name and password are missing or not wanted, or
                the password may not be chosen.
            Unauthorized: there is an account, and nobody is signed in.
            Forbidden: there is an account, and somebody else is signed in.
            Conflict: they are in the staff already.
            RateLimited: too many tokens were tried.
        """
        found = self._entrance.look_up(token, origin)
        user = self._users.by_email(found.invitation.email)
        given = {"name": name, "password": password}
        if user is None:
            wrong = [FieldError(field, _NEEDED) for field, value in given.items() if value is None]
        else:
            wrong = [FieldError(field, _UNNEEDED) for field, value in given.items() if value is not None]
        if wrong:
            raise InvalidInput(wrong[0].message, details=wrong)
        if user is not None:
            return self._entrance.accept(token, signed_in_user_id(), origin)
        return self._entrance.accept_as_new(token, name or "", password or "", origin)
