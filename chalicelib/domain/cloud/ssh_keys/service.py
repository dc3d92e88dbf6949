"""Customers' SSH keys, which are installed on new machines."""

from chalicelib.domain.cloud.ssh_keys.models import SshKey
from chalicelib.domain.cloud.ssh_keys.ports import FINGERPRINT_FREE, NAME_FREE, SshKeyRecords
from chalicelib.domain.cloud.ssh_keys.public_keys import UnusableKey, parse_public_key
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, FieldError, InvalidInput, LimitExceeded, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor

MAX_KEYS_PER_CUSTOMER = 50
MAX_NAME_LENGTH = 64


class SshKeys:
    """Manages customers' SSH keys. Changing or deleting a key here does not affect existing machines."""

    def __init__(self, records: SshKeyRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def list(self, customer_id: str, page: PageRequest) -> Page[SshKey]:
        """Return a customer's keys, oldest first."""
        return self._records.list(customer_id, page)

    def get(self, customer_id: str, ssh_key_id: str) -> SshKey:
        """Return one key.

        Raises:
            NotFound: the customer has no such key.
        """
        ssh_key = self._records.get(customer_id, ssh_key_id)
        if ssh_key is None:
            raise NotFound("You have no such SSH key.")
        return ssh_key

    def public_key(self, customer_id: str, ssh_key_id: str) -> str:
        """Return the text of one key, in OpenSSH's format.

        Raises:
            NotFound: the customer has no such key.
        """
        return self.get(customer_id, ssh_key_id).key.text

    def add(self, customer_id: str, name: str, public_key: str) -> SshKey:
        """Store `public_key` under `name`.

        Raises:
            InvalidInput: it is not an accepted public key.
            Conflict: the customer has a key with this name, or this key.
            LimitExceeded: the customer has the maximum number of keys.
        """
        try:
            parsed = parse_public_key(public_key)
        except UnusableKey as unusable:
            raise InvalidInput.of("publicKey", str(unusable)) from None
        now = self._clock.now()
        ssh_key = SshKey(new_id(Kind.SSH_KEY, now), customer_id, name, parsed, now)
        try:
            self._transactor.commit(self._records.insert(ssh_key, MAX_KEYS_PER_CUSTOMER))
        except ConditionFailed as failed:
            raise _refusal(failed.asserts) from failed
        return ssh_key

    def remove(self, customer_id: str, ssh_key_id: str) -> None:
        """Delete a key.

        Raises:
            NotFound: the customer has no such key.
        """
        ssh_key = self.get(customer_id, ssh_key_id)
        try:
            self._transactor.commit(self._records.remove(ssh_key))
        except ConditionFailed as failed:  # another request was faster
            raise NotFound("You have no such SSH key.") from failed


def _refusal(asserts: frozenset[str]) -> Conflict | LimitExceeded:
    """Return the error for failed assertions; those about the name or key come first, as the customer can change
    these.
    """
    taken = {
        NAME_FREE: FieldError("name", "You have an SSH key of this name; choose another."),
        FINGERPRINT_FREE: FieldError("publicKey", "You have this SSH key already, under another name."),
    }
    details = [detail for name, detail in taken.items() if name in asserts]
    if details:
        return Conflict(details[0].message, details=details)
    return LimitExceeded(f"You have {MAX_KEYS_PER_CUSTOMER} SSH keys, the most there can be; delete one first.")
