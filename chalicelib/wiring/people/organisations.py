"""The container of the area `people`, last part: organisations, invitations and the staff."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.people.sign_in import SignInParts

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.operations.directory import DynamoCustomers
    from chalicelib.adapters.dynamodb.people.invitations import DynamoRosters
    from chalicelib.adapters.dynamodb.people.staff import DynamoStaff
    from chalicelib.domain.people.correspondence.service import Correspondence
    from chalicelib.domain.people.organisations.entrance import Entrance
    from chalicelib.domain.people.organisations.invitation_tokens import InvitationTokens
    from chalicelib.domain.people.organisations.invitations import Invitations
    from chalicelib.domain.people.organisations.members import Members
    from chalicelib.domain.people.organisations.organisations import Organisations
    from chalicelib.domain.people.organisations.ownership import Ownership
    from chalicelib.domain.people.organisations.ports import Place
    from chalicelib.domain.people.staff.invitations import StaffEntrance
    from chalicelib.domain.people.staff.setup import Setup
    from chalicelib.domain.people.staff.staff import StaffDesk


class People(SignInParts):
    """Organisations, invitations and the staff; with all other parts of the area."""

    @cached_property
    def customers(self) -> DynamoCustomers:
        """Customers, as staff see them."""
        from chalicelib.adapters.dynamodb.operations.directory import DynamoCustomers

        return DynamoCustomers()

    @cached_property
    def staff_records(self) -> DynamoStaff:
        """Storage of the staff."""
        from chalicelib.adapters.dynamodb.people.staff import DynamoStaff

        return DynamoStaff()

    @cached_property
    def rosters(self) -> DynamoRosters:
        """Storage of how many members and invitations each organisation has."""
        from chalicelib.adapters.dynamodb.people.invitations import DynamoRosters

        return DynamoRosters()

    @cached_property
    def setup(self) -> Setup:
        """Creates the first owner of the installation."""
        from chalicelib.adapters.dynamodb.people.staff import DynamoInstallation
        from chalicelib.domain.people.staff.setup import Setup

        return Setup(
            installation=DynamoInstallation(),
            users=self.users,
            staff=self.staff_records,
            passwords=self.passwords,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def staff_desk(self) -> StaffDesk:
        """Manages the staff; for owners."""
        from chalicelib.domain.people.staff.staff import StaffDesk

        return StaffDesk(self.staff_records, self.rosters, self.users, self.sessions, self.core.transactor)

    @cached_property
    def staff_place(self) -> Place:
        """The staff, as a place that people are invited to."""
        from chalicelib.domain.people.staff.invitations import StaffPlace

        return StaffPlace(self.staff_records, self.foundation.activity_log)

    @cached_property
    def staff_invitations(self) -> Invitations:
        """Invites people into the staff."""
        return self.invitations_to(self.staff_place)

    @cached_property
    def staff_entrance(self) -> StaffEntrance:
        """Accepts invitations into the staff."""
        from chalicelib.domain.people.staff.invitations import StaffEntrance

        return StaffEntrance(self.entrance_to(self.staff_place), self.users)

    @cached_property
    def members(self) -> Members:
        """The members of organisations."""
        from chalicelib.domain.people.organisations.members import Members

        return Members(
            records=self.member_records,
            rosters=self.rosters,
            users=self.users,
            sessions=self.sessions,
            letters=self.letters,
            keys=self.foundation.api_keys,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def organisation_place(self) -> Place:
        """Organisations, as places that people are invited to."""
        from chalicelib.domain.people.organisations.members import OrganisationPlace

        return OrganisationPlace(self.member_records, self.foundation.activity_log)

    @cached_property
    def invitations(self) -> Invitations:
        """Invites people into organisations."""
        return self.invitations_to(self.organisation_place)

    @cached_property
    def entrance(self) -> Entrance:
        """Lets invited people into organisations."""
        return self.entrance_to(self.organisation_place)

    @cached_property
    def ownership_entrance(self) -> Entrance:
        """Lets an invited member become the owner of an organisation."""
        from chalicelib.domain.people.organisations.ownership import OwnershipPlace

        return self.entrance_to(
            OwnershipPlace(self.member_records, self.foundation.activity_log, self.users, self.letters)
        )

    def invitations_to(self, place: Place) -> Invitations:
        """Invitations that lead to `place`."""
        from chalicelib.domain.people.organisations.invitations import Invitations

        return Invitations(
            place=place,
            records=self.invitation_records,
            rosters=self.rosters,
            users=self.users,
            letters=self.letters,
            limiter=self.foundation.rate_limiter,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    def entrance_to(self, place: Place) -> Entrance:
        """Lets in those who are invited to `place`."""
        from chalicelib.domain.people.organisations.entrance import Entrance
        from chalicelib.domain.people.organisations.invitation_tokens import InvitationOpener

        return Entrance(
            place=place,
            records=self.invitation_records,
            opener=InvitationOpener(self.invitation_records, self.attempts, self.core.clock),
            rosters=self.rosters,
            users=self.users,
            passwords=self.passwords,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def ownership(self) -> Ownership:
        """Offers the ownership of an organisation to another member."""
        from chalicelib.domain.people.organisations.ownership import Ownership

        return Ownership(
            self.member_records,
            self.invitation_records,
            self.users,
            self.letters,
            self.reauthentication,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def organisations(self) -> Organisations:
        """A user's organisations."""
        from chalicelib.domain.people.organisations.organisations import Organisations

        return Organisations(
            records=self.member_records,
            rosters=self.rosters,
            users=self.users,
            accounts=self.above.accounts(),
            sessions=self.sessions,
            opener=self.session_opener,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def invitation_tokens(self) -> InvitationTokens:
        """The tokens in mailed invitations."""
        from chalicelib.domain.people.organisations.invitation_tokens import InvitationTokens

        return InvitationTokens(self.invitation_records, self.core.transactor, self.core.clock)

    @cached_property
    def correspondence(self) -> Correspondence:
        """Writes the mails that were requested."""
        from chalicelib.domain.people.correspondence.service import Correspondence

        return Correspondence(
            users=self.users,
            letters=self.letters,
            links=self.link_maker,
            invitations=self.invitation_tokens,
            mailer=self.mailer,
            transactor=self.core.transactor,
            public_url=self.core.settings.public_url,
        )
