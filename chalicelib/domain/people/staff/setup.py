"""Creates the first owner of an installation."""

from chalicelib.domain.foundation.access.models import StaffRole, StaffStatus
from chalicelib.domain.people.accounts.models import EmailAddress, User
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.domain.people.accounts.ports import Installation, Passwords, Users
from chalicelib.domain.people.staff.models import StaffMembership
from chalicelib.domain.people.staff.ports import StaffRecords
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor

_ALREADY = "This installation already has its first owner."
_TAKEN = "This e-mail address already belongs to an account; use another."


class Setup:
    """Creates the first owner, once per installation."""

    def __init__(
        self,
        *,
        installation: Installation,
        users: Users,
        staff: StaffRecords,
        passwords: Passwords,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._installation = installation
        self._users = users
        self._staff = staff
        self._passwords = passwords
        self._transactor = transactor
        self._clock = clock

    def create_owner(self, email: EmailAddress, password: str, name: str) -> User:
        """Create a staff user with the role OWNER, without a customer, whose address counts as verified.

        Raises:
            Conflict: a first owner exists already, or the address has an account.
            InvalidInput: the password is not allowed.
        """
        chosen = new_password(password, email, self._passwords)
        if self._installation.is_set_up():
            raise Conflict(_ALREADY)
        now = self._clock.now()
        user = User(
            id=new_id(Kind.USER, now),
            email=email,
            name=name,
            password_hash=self._passwords.hash(chosen),
            password_version=1,
            created_at=now,
            verified_at=now,
        )
        writes = [
            self._installation.set_up(user.id, now),
            *self._users.insert(user),
            *self._staff.insert(StaffMembership(user.id, StaffRole.OWNER, StaffStatus.ACTIVE, now)),
        ]
        try:
            self._transactor.commit(writes)
        except ConditionFailed as failed:
            raise Conflict(_ALREADY if "not_set_up" in failed.asserts else _TAKEN) from failed
        return user
