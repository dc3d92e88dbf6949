"""Transfers the ownership of a customer to another member, who accepts by a mailed link."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.foundation.access.models import Role
from chalicelib.domain.foundation.activity.ports import ActivityWrites
from chalicelib.domain.people.accounts.models import Letter, LetterKind, Membership, Origin
from chalicelib.domain.people.accounts.ports import Letters, Users
from chalicelib.domain.people.attempts.password_proof import Proven
from chalicelib.domain.people.organisations.invitation_tokens import letter_of
from chalicelib.domain.people.organisations.members import NO_SUCH_MEMBER, OrganisationPlace
from chalicelib.domain.people.organisations.models import INVITATION_LIFE, Invitation, InvitationKind
from chalicelib.domain.people.organisations.ports import (
    INVITATION_OPEN,
    INVITER_MAY,
    MEMBER_UNCHANGED,
    InvitationRecords,
    MemberRecords,
)
from chalicelib.domain.people.sign_in.reauthentication import Reauthentication
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_STALE = frozenset({INVITATION_OPEN, MEMBER_UNCHANGED})


class OwnershipPlace(OrganisationPlace):
    """A `Place` for the ownership of a customer: the accepting member becomes owner, the owner ADMIN."""

    kind = InvitationKind.OWNERSHIP
    people_joining = 0

    def __init__(self, records: MemberRecords, log: ActivityWrites, users: Users, letters: Letters) -> None:
        super().__init__(records, log)
        self._users = users
        self._letters = letters

    def inviter_still_may(self, invitation: Invitation) -> Sequence[Write]:
        """Return no Writes: `join` changes the inviter's membership and asserts that it is the owner's."""
        return []

    def join(self, invitation: Invitation, user_id: str, now: datetime) -> Sequence[Write]:
        """Change both roles in one transaction, so that there is always one owner; see `Place.join`."""
        owner = self._records.get(invitation.place_id, invitation.inviter_id)
        heir = self._records.get(invitation.place_id, user_id)
        if owner is None or owner.role is not Role.OWNER or heir is None:
            raise ConditionFailed(INVITER_MAY)
        return [
            self._records.change_role(owner, Role.ADMIN),
            self._records.change_role(heir, Role.OWNER),
            *self._tell(owner, heir, now),
        ]

    def note(
        self, invitation: Invitation, action: str, actor_user_id: str, origin: Origin, now: datetime
    ) -> Sequence[Write]:
        """Log it in the customer's activity log under an action name of its own; see `Place.note`."""
        return super().note(invitation, action.replace("_invitation", "_ownership"), actor_user_id, origin, now)

    def _tell(self, owner: Membership, heir: Membership, now: datetime) -> Sequence[Write]:
        people = [person for one in (owner, heir) if (person := self._users.get(one.user_id))]
        names = [person.name for person in people]
        values = {"place": owner.customer_name, "old_owner": names[0], "new_owner": names[-1]}
        return [
            self._letters.add(
                Letter(new_id(Kind.LETTER, now), LetterKind.OWNERSHIP_CHANGED, person.email, now, values)
            )
            for person in people
        ]


class Ownership:
    """Offers the ownership of a customer to another member; accepting uses the mechanism of invitations."""

    def __init__(
        self,
        records: MemberRecords,
        invitations: InvitationRecords,
        users: Users,
        letters: Letters,
        reauthentication: Reauthentication,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._invitations = invitations
        self._users = users
        self._letters = letters
        self._reauthentication = reauthentication
        self._transactor = transactor
        self._clock = clock

    def offer(self, customer_id: str, owner_id: str, user_id: str, password: str, code: str | None) -> Invitation:
        """Offer the ownership to a member by mail. Replaces an earlier offer; valid for seven days.

        Args:
            customer_id: the customer to hand over.
            owner_id: the owner, who proves their identity by `password` and, if two-factor sign-in is on, `code`,
                so that a stolen session is not enough.
            user_id: the member who is to become the owner.
            password: the owner's password.
            code: a code of the owner's app, or a recovery code.

        Raises:
            InvalidTwoFactorCode: the code is wrong, used, or missing.
            NotFound: there is no such member.
            Forbidden: the password is wrong, or `owner_id` is not the owner (any more).
            Conflict: the member is the owner.
        """
        if self._records.get(customer_id, user_id) is None:
            raise NotFound(NO_SUCH_MEMBER)
        proven = self._reauthentication.prove(owner_id, password, code)
        return with_fresh_reads(lambda: self._offer(customer_id, proven, user_id), stale=_STALE)

    def _offer(self, customer_id: str, proven: Proven, user_id: str) -> Invitation:
        now, owner = self._clock.now(), proven.user
        mine, theirs = (self._records.get(customer_id, one) for one in (owner.id, user_id))
        member = self._users.get(user_id)
        if theirs is None or member is None:
            raise NotFound(NO_SUCH_MEMBER)
        if mine is None or mine.role is not Role.OWNER:
            raise Forbidden("Only the owner can hand the organisation over.")
        if user_id == owner.id:
            raise Conflict("You are the owner already.")
        invitation = Invitation(
            id=new_id(Kind.INVITATION, now),
            kind=InvitationKind.OWNERSHIP,
            place_id=customer_id,
            place_name=mine.customer_name,
            role=Role.OWNER.value,
            email=member.email,
            inviter_id=owner.id,
            inviter_name=owner.name,
            created_at=now,
            expires_at=now + INVITATION_LIFE,
        )
        self._reauthentication.commit(
            [
                *proven.writes,
                *(self._invitations.remove(earlier) for earlier in self.open(customer_id)),
                self._invitations.insert(invitation),
                self._records.unchanged(mine, MEMBER_UNCHANGED),
                self._letters.add(letter_of(invitation, now)),
            ]
        )
        return invitation

    def open(self, customer_id: str) -> Sequence[Invitation]:
        """Return the open offer, if there is one."""
        return self._invitations.all_open(InvitationKind.OWNERSHIP, customer_id, self._clock.now())

    def withdraw(self, customer_id: str, invitation_id: str) -> None:
        """Withdraw an offer.

        Raises:
            NotFound: there is no such open offer.
        """

        def withdraw() -> None:
            waiting = [offer for offer in self.open(customer_id) if offer.id == invitation_id]
            if not waiting:
                raise NotFound("There is no such open offer.")
            self._transactor.commit([self._invitations.remove(waiting[0])])

        with_fresh_reads(withdraw, stale=_STALE)
