"""Lets staff read, create, change and block customers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.foundation.access.models import CustomerStatus
from chalicelib.domain.operations.directory.models import CustomerChange, CustomerFile, NewCustomer
from chalicelib.domain.operations.directory.ports import (
    CUSTOMER_UNCHANGED,
    Balances,
    CustomerRecords,
    DeploymentSlots,
    InvoiceLists,
    MemberLists,
    SuspensionReader,
)
from chalicelib.domain.people.accounts.models import Customer, Letter, LetterKind, Password, User
from chalicelib.domain.people.accounts.ports import Letters, Passwords, Users
from chalicelib.domain.people.accounts.tokens import new_secret
from chalicelib.domain.people.correspondence.ports import CustomerMail
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, FieldError, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.limits import MAX_PAGE_ITEMS
from chalicelib.kernel.pages import PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_SHOWN_INVOICES = 5
_TAKEN = "This address has an account; its owner opens a further customer in it."
_CLOSED = "This customer has closed its account; only notes can be taken."
_TELLING = {
    CustomerStatus.BLOCKED: LetterKind.CUSTOMER_BLOCKED,
    CustomerStatus.ACTIVE: LetterKind.CUSTOMER_UNBLOCKED,
}


class CustomerOpening:
    """Creates customers for people without an account."""

    def __init__(
        self,
        *,
        users: Users,
        accounts: Balances,
        letters: Letters,
        passwords: Passwords,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._users = users
        self._accounts = accounts
        self._letters = letters
        self._passwords = passwords
        self._transactor = transactor
        self._clock = clock

    def open(self, new: NewCustomer) -> Customer:
        """Create a customer with an account and an owner, who is told by mail and then chooses a password.

        Until then nobody can sign in: the password is random and nobody knows it.

        Raises:
            Conflict: the address has an account already.
        """
        now = self._clock.now()
        owner = User(
            id=new_id(Kind.USER, now),
            email=new.email,
            name=new.name,
            password_hash=self._passwords.hash(Password(new_secret())),
            password_version=1,
            created_at=now,
            verified_at=None,
        )
        customer = Customer(new_id(Kind.CUSTOMER, now), new.company or new.name, now, new.company)
        letter = Letter(new_id(Kind.LETTER, now), LetterKind.ACCOUNT_OPENED, new.email, now)
        writes = [
            *self._users.insert(owner),
            *self._users.insert_customer(customer, owner),
            *self._accounts.open_account(customer.id),
            self._letters.add(letter),
        ]
        try:
            self._transactor.commit(writes)
        except ConditionFailed as failed:
            raise Conflict(_TAKEN, details=[FieldError("email", _TAKEN)]) from failed
        return customer


class CustomerFiles:
    """Shows a customer to staff."""

    def __init__(
        self,
        *,
        customers: CustomerRecords,
        members: MemberLists,
        balances: Balances,
        standing: SuspensionReader,
        slots: DeploymentSlots,
        invoices: InvoiceLists,
    ) -> None:
        self._customers = customers
        self._members = members
        self._balances = balances
        self._standing = standing
        self._slots = slots
        self._invoices = invoices

    def read(self, customer_id: str) -> CustomerFile:
        """Return all data about the customer that staff see.

        Raises:
            NotFound: there is no such customer.
        """
        return CustomerFile(
            customer=_known(self._customers, customer_id),
            notes=self._customers.notes(customer_id),
            members=self._members.list(customer_id, PageRequest(MAX_PAGE_ITEMS)).items,
            balance=self._balances.balance(customer_id),
            watch=self._standing.of(customer_id),
            slots=self._slots.slots(customer_id),
            invoices=self._invoices.invoices(customer_id, PageRequest(_SHOWN_INVOICES)).items,
        )


class CustomerDesk:
    """Lets staff change a customer."""

    def __init__(
        self,
        *,
        customers: CustomerRecords,
        files: CustomerFiles,
        slots: DeploymentSlots,
        mail: CustomerMail,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._customers = customers
        self._files = files
        self._slots = slots
        self._mail = mail
        self._transactor = transactor
        self._clock = clock

    def change(self, customer_id: str, change: CustomerChange) -> CustomerFile:
        """Change the customer. A block takes effect at once, and its members are told the reason by mail.

        Raises:
            NotFound: there is no such customer.
            Conflict: it was closed, and the change concerns more than notes.
        """
        with_fresh_reads(lambda: self._change(customer_id, change), stale=frozenset({CUSTOMER_UNCHANGED}))
        return self._files.read(customer_id)

    def _change(self, customer_id: str, change: CustomerChange) -> None:
        before = _known(self._customers, customer_id)
        after = replace(
            before,
            name=change.name or before.name,
            company=before.company if change.company is None else change.company,
            status=change.status or before.status,
        )
        limit = change.deployment_limit
        if before.status is CustomerStatus.CLOSED and (after != before or limit is not None):
            raise Conflict(_CLOSED)
        now = self._clock.now()
        writes: list[Write] = []
        if after != before:
            writes.append(self._customers.replace(before, after))
        if limit is not None:
            writes.append(self._slots.set_limit(customer_id, limit))
        writes += self._noted(before, after, change, now)
        if writes:
            self._transactor.commit(writes)

    def _noted(self, before: Customer, after: Customer, change: CustomerChange, now: datetime) -> Sequence[Write]:
        """Return Writes for the staff's notes, and the letters about a new status."""
        notes = self._customers.notes(after.id)
        kept = notes if change.notes is None else replace(notes, text=change.notes)
        letters: Sequence[Write] = ()
        if after.status is not before.status:
            kept = replace(kept, status_reason=change.reason, status_changed_at=now)
            letters = self._mail.to_customer(after.id, _TELLING[after.status], {"reason": change.reason}, now)
        return [*([] if kept == notes else [self._customers.put_notes(after.id, kept)]), *letters]


def _known(customers: CustomerRecords, customer_id: str) -> Customer:
    customer = customers.get(customer_id)
    if customer is None:
        raise NotFound("There is no such customer.")
    return customer
