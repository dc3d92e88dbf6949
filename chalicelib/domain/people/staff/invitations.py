"""Invites people into the staff, with the mechanism of `organisations/invitations.py`.

The holder of a token has access to the mailbox. That is enough to create an account, but not to give an existing
account a role: anybody can register another person's address with a password of their own, and needs only one
careless click on the verification link. So an invited person with an account must sign in first; if they cannot,
they reset the password by mail.
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


class StaffPlace:
    """A `Place` for the operator's staff."""

    kind = InvitationKind.STAFF
    people_joining = 1

    def __init__(self, records: StaffRecords, log: StaffLogWrites) -> None:
        self._records = records
        self._log = log

    def name(self, place_id: str) -> str:
        """Return the name that is shown to the invited person; there is one staff."""
        return "Hearth"

    def may_grant(self, scopes: frozenset[Scope], role: str) -> bool:
        """Owners may grant every role; other roles none."""
        return Scope.STAFF_MEMBERS_WRITE in scopes

    def inviter_still_may(self, invitation: Invitation) -> Sequence[Write]:
        """Assert that the inviter is still an owner; see `Place.inviter_still_may`."""
        return [self._records.still_owner(invitation.inviter_id, INVITER_MAY)]

    def has(self, place_id: str, user_id: str) -> bool:
        """Whether this user is a member of the staff; see `Place.has`."""
        return self._records.get(user_id) is not None

    def join(self, invitation: Invitation, user_id: str, now: datetime) -> Sequence[Write]:
        """Make the user a member of the staff; see `Place.join`."""
        return self._records.insert(StaffMembership(user_id, StaffRole(invitation.role), StaffStatus.ACTIVE, now))

    def note(
        self, invitation: Invitation, action: str, actor_user_id: str, origin: Origin, now: datetime
    ) -> Sequence[Write]:
        """Log it in the staff's own log; see `Place.note`."""
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
        return [self._log.insert_staff_activity(activity)]


class StaffEntrance:
    """Accepts invitations into the staff."""

    def __init__(self, entrance: Entrance, users: Users) -> None:
        self._entrance = entrance
        self._users = users

    def look_up(self, token: str, origin: Origin) -> FoundInvitation:
        """Return the invitation with `token`; see `Entrance.look_up`."""
        return self._entrance.look_up(token, origin)

    def accept(
        self,
        token: str,
        name: str | None,
        password: str | None,
        signed_in_user_id: Callable[[], str],
        origin: Origin,
    ) -> Invitation:
        """Accept the invitation with `token`.

        Args:
            token: the token in the mail.
            name: the name of a person without an account; None for one with an account.
            password: the new password of a person without an account; None for one with an account.
            signed_in_user_id: returns the signed-in user's id; called only if the invited person has an account.
            origin: where the request came from.

        Raises:
            InvalidInput: the token is not, or no longer, valid, name and password are missing or not wanted, or
                the password is not allowed.
            Unauthorized: the person has an account and is not signed in.
            Forbidden: the person has an account, and another user is signed in.
            Conflict: the person is a member of the staff already.
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
