"""Finds customers, and keeps the directory up to date."""

from collections.abc import Sequence

from chalicelib.domain.foundation.access.models import CustomerStatus, Role
from chalicelib.domain.operations.directory.models import Entry
from chalicelib.domain.operations.directory.ports import (
    ENTRY_UNCHANGED,
    AllCustomers,
    CustomerRecords,
    Entries,
    MemberLists,
)
from chalicelib.domain.operations.directory.words import kept, terms_of, words_of_address, words_of_name
from chalicelib.domain.people.accounts.models import Customer
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.organisations.models import Member
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.limits import MAX_PAGE_ITEMS
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Transactor, with_fresh_reads

_ID = f"{Kind.CUSTOMER}_"
_MAX_FOUND_BY = 20
"""At most this many members are searchable by name and address; the owner is always among them."""


class Directory:
    """Finds customers. A search reads only entries that match the longest of its words."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def find(self, page: PageRequest, search: str = "", status: CustomerStatus | None = None) -> Page[Entry]:
        """Return customers with a word for each word of `search` as its prefix, or an id with this prefix; else
        the newest.

        Args:
            page: which part of the list.
            search: beginnings of names, companies and addresses, or of an id.
            status: only customers with this status; None for any.
        """

        def is_of_status(entry: Entry) -> bool:
            return status is None or entry.status is status

        if search.startswith(_ID):
            found = self._entries.with_id(_ID + search[len(_ID) :].upper(), page)
            return Page([entry for entry in found.items if is_of_status(entry)], found.next_cursor)
        if not search:
            return self._entries.newest(page, status)
        terms = terms_of(search)
        if not terms:
            return Page([])

        def is_wanted(entry: Entry) -> bool:
            return is_of_status(entry) and all(_has(entry, term) for term in terms[1:])

        return self._entries.with_word(terms[0], page, is_wanted)


class DirectoryKeeper:
    """Updates the directory when customers and their members change."""

    def __init__(
        self,
        entries: Entries,
        every: AllCustomers,
        customers: CustomerRecords,
        members: MemberLists,
        users: Users,
        transactor: Transactor,
    ) -> None:
        self._entries = entries
        self._every = every
        self._customers = customers
        self._members = members
        self._users = users
        self._transactor = transactor

    def follow(self, customer_id: str) -> bool:
        """Update the customer's entry; return whether it changed. Safe to repeat."""
        return with_fresh_reads(lambda: self._follow(customer_id), stale=frozenset({ENTRY_UNCHANGED}))

    def follow_user(self, user_id: str) -> None:
        """Update the entries of all customers that the user belongs to."""
        for membership in self._users.memberships(user_id):
            self.follow(membership.customer_id)

    def follow_all(self) -> dict[str, int]:
        """Update all entries, to repair what a lost event left."""
        changed = [self.follow(customer_id) for customer_id in self._every.customer_ids()]
        return {"customers": len(changed), "changed": sum(changed)}

    def _follow(self, customer_id: str) -> bool:
        customer = self._customers.get(customer_id)
        if customer is None:
            return False
        before = self._entries.get(customer_id)
        version = before.version if before else 0
        after = entry_of(customer, self._members.list(customer_id, PageRequest(MAX_PAGE_ITEMS)).items, version)
        if after == before:
            return False
        self._transactor.commit(self._entries.replace(before, after))
        return True


def entry_of(customer: Customer, members: Sequence[Member], version: int) -> Entry:
    """Return the directory's entry of a customer; the owner's words come before those of other members."""
    ordered = sorted(members, key=lambda member: member.membership.role is not Role.OWNER)[:_MAX_FOUND_BY]
    owner = ordered[0] if ordered and ordered[0].membership.role is Role.OWNER else None
    words = [*words_of_name(customer.name), *words_of_name(customer.company)]
    for member in ordered:
        words += [*words_of_address(member.user.email), *words_of_name(member.user.name)]
    return Entry(
        customer_id=customer.id,
        name=customer.name,
        company=customer.company,
        email=owner.user.email if owner else "",
        status=customer.status,
        created_at=customer.created_at,
        words=kept(words),
        version=version,
    )


def _has(entry: Entry, term: str) -> bool:
    return any(word.startswith(term) for word in entry.words)
