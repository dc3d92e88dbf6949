"""What a caller may grant: an API key never has more rights than the caller who made or changed it (G43)."""

from chalicelib.domain.foundation.access.models import ApiKey, Principal, Scope
from chalicelib.domain.foundation.access.networks import covers
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import Forbidden


@dataclass(frozen=True)
class Authority:
    """The rights that a caller may grant to a key: their own scopes, within their own limits."""

    principal: Principal
    own_key: ApiKey | None
    """The key that the caller uses; None for a session, which only its role limits."""

    @property
    def scopes(self) -> frozenset[Scope]:
        """The caller's current scopes; a key may have lost scopes since the request was admitted."""
        held = self.principal.scopes
        return held if self.own_key is None else held & self.own_key.granted

    def must_cover(self, key: ApiKey) -> None:
        """Raise if a new, changed or renewed key would have more rights than the caller.

        Raises:
            Forbidden: the message says which right.
        """
        beyond = sorted(key.granted - self.scopes)
        if beyond:
            raise Forbidden(f"This key holds what you do not hold yourself: {', '.join(beyond)}.")
        if self.own_key is not None:
            _must_confine(self.own_key, key)


def _must_confine(own: ApiKey, key: ApiKey) -> None:
    """Raise if `key` exceeds a limit of the caller's `own` key."""
    if own.has_spend_cap and key.id != own.id:
        raise Forbidden("A key with a spend cap cannot make or change others: they would spend beside its cap.")
    if _is_above(key.daily_spend_cap_micros, own.daily_spend_cap_micros) or _is_above(
        key.monthly_spend_cap_micros, own.monthly_spend_cap_micros
    ):
        raise Forbidden("A key cannot raise its own spend cap.")
    if own.project_id and key.project_id != own.project_id:
        raise Forbidden("A key that is confined to a project makes and changes only keys of the same project.")
    if own.expires_at is not None and (key.expires_at is None or key.expires_at > own.expires_at):
        raise Forbidden("A key that expires makes and changes only keys that expire no later.")
    if not covers(own.networks, key.networks):
        raise Forbidden("A key that is confined to networks makes and changes only keys confined within them.")
    if key.requests_per_minute > own.requests_per_minute:
        raise Forbidden("A key makes and changes only keys that may call no more often than itself.")


def _is_above(cap_micros: int | None, own_micros: int | None) -> bool:
    return own_micros is not None and (cap_micros is None or cap_micros > own_micros)
