"""The meaning of each scope, and the scopes that a key can have."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.kernel.errors import Forbidden, InvalidInput

MAX_SCOPES = 50
SCOPE_PATTERN = r"^[a-z]+(-[a-z]+)*:(read|write|close|\*)$"
_EVERY = ":*"

SENTENCES: Mapping[Scope, str] = MappingProxyType(
    {
        Scope.DEPLOYMENTS_READ: "See machines, their progress and what they have used.",
        Scope.DEPLOYMENTS_WRITE: "Create, start, stop, restart and delete machines.",
        Scope.SSH_KEYS_READ: "See the public keys that new machines can be given.",
        Scope.SSH_KEYS_WRITE: "Add and remove such public keys.",
        Scope.BILLING_READ: "See balance, ledger, top-ups, saved ways to pay, caps and invoices.",
        Scope.BILLING_WRITE: "Top up, save ways to pay, send money, and set caps and automatic top-ups.",
        Scope.BILLING_PROFILE_READ: "See who invoices are made out to.",
        Scope.BILLING_PROFILE_WRITE: "Change who invoices are made out to.",
        Scope.ACTIVITY_READ: "See what was done, and what was denied.",
        Scope.API_KEYS_READ: "See the API keys, without their secrets.",
        Scope.API_KEYS_WRITE: "Make, change, rotate and revoke API keys that can do no more than their maker.",
        Scope.PROJECTS_READ: "See the projects that group machines and keys.",
        Scope.PROJECTS_WRITE: "Make, rename and remove projects.",
        Scope.REFERRAL_READ: "See the referral code, its rewards and its history.",
        Scope.REFERRAL_WRITE: "Redeem a referral code.",
        Scope.MEMBERS_READ: "See who belongs to the organisation, and who is invited.",
        Scope.MEMBERS_WRITE: "Invite and remove members, and change their roles.",
        Scope.CUSTOMER_READ: "See the organisation itself, and where its keys may be used from.",
        Scope.CUSTOMER_WRITE: "Rename the organisation, and say where its keys may be used from.",
    }
)
"""Every scope that a key can have; closing an account and transferring it need a session."""


def wildcards() -> Iterator[tuple[str, Sequence[Scope]]]:
    """Yield each wildcard `<resource>:*` with the scopes that it stands for."""
    for resource in sorted({_resource(scope) for scope in SENTENCES}):
        yield resource + _EVERY, [scope for scope in SENTENCES if _resource(scope) == resource]


def granted(texts: Sequence[str], held: frozenset[Scope]) -> frozenset[Scope]:
    """Return the scopes that `texts` (scopes and wildcards `<resource>:*`) stand for, granted by a holder of
    `held`.

    A wildcard stands for the resource's scopes that the granter holds now: a scope that is added later is not in
    existing keys.

    Raises:
        InvalidInput: a text is not a scope, or not one that a key can have.
        Forbidden: the granter does not hold one of them (G43).
    """
    found: set[Scope] = set()
    for number, text in enumerate(texts):
        meant = _meant(number, text)
        theirs = meant & held if text.endswith(_EVERY) else meant
        if not theirs or not theirs <= held:
            raise Forbidden(f"You do not hold {text} yourself, so you cannot give it to a key.")
        found |= theirs
    return frozenset(found)


def _meant(number: int, text: str) -> frozenset[Scope]:
    meant = frozenset(dict(wildcards()).get(text, [scope for scope in SENTENCES if scope == text]))
    if not meant:
        raise InvalidInput.of(f"scopes.{number}", f"{text} is no scope that a key can have; see GET /api-scopes.")
    return meant


def _resource(scope: Scope) -> str:
    return scope.partition(":")[0]
