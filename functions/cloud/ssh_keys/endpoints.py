"""Endpoints for SSH keys."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import Conflict, LimitExceeded
from chalicelib.wiring.app import app
from functions.cloud.ssh_keys.schemas import SshKeyDeleted, SshKeyId, SshKeyRequest, SshKeyView


@endpoint("GET", "/ssh-keys", scope=Scope.SSH_KEYS_READ)
def list_ssh_keys(query: PageQuery, caller: Caller) -> Listing[SshKeyView]:
    """List the SSH keys that new machines can be given, oldest first."""
    return Listing.of(app().cloud.ssh_keys.list(caller.customer_id, query.page_request()), SshKeyView.of)


@endpoint(
    "POST",
    "/ssh-keys",
    status=201,
    scope=Scope.SSH_KEYS_WRITE,
    idempotent=True,
    errors=(Conflict, LimitExceeded),
)
def create_ssh_key(request: SshKeyRequest, caller: Caller) -> SshKeyView:
    """Store a public key under a name; a private key is refused, and neither stored nor logged."""
    return SshKeyView.of(app().cloud.ssh_keys.add(caller.customer_id, request.name, request.public_key))


@endpoint("DELETE", "/ssh-keys/{sshKeyId}", scope=Scope.SSH_KEYS_WRITE)
def delete_ssh_key(ssh_key_id: SshKeyId, caller: Caller) -> SshKeyDeleted:
    """Delete a key. Machines that were built with it still accept it."""
    app().cloud.ssh_keys.remove(caller.customer_id, ssh_key_id)
    return SshKeyDeleted(id=ssh_key_id)
