"""Creates, changes, rotates and revokes API keys, and sets the networks that they may be used from."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.foundation.access.api_keys import MAX_KEYS, MAX_LIFE, KeyChanges
from chalicelib.domain.foundation.access.authority import Authority
from chalicelib.domain.foundation.access.key_texts import new_text
from chalicelib.domain.foundation.access.models import (
    ApiKey,
    KeyRequest,
    NetworkRule,
    NewKey,
    OldSecret,
    Principal,
    Scope,
)
from chalicelib.domain.foundation.access.networks import MAX_RULES, InvalidNetwork, covers, normalised
from chalicelib.domain.foundation.access.ports import (
    GRANTER_UNCHANGED,
    KEY_UNCHANGED,
    ROOM_LEFT,
    RULES_UNCHANGED,
    ApiKeyRecords,
    ProjectDirectory,
)
from chalicelib.domain.foundation.access.scopes import granted
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, Forbidden, InvalidInput, LimitExceeded, NotFound
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_NO_KEY = "You have no such API key."
_NO_RULE = "There is no such rule here."
_STALE = frozenset({KEY_UNCHANGED})


class ApiKeys:
    """Manages customers' keys. The asker is a `Principal`: a user in a session, or an API key."""

    def __init__(
        self,
        records: ApiKeyRecords,
        projects: ProjectDirectory,
        transactor: Transactor,
        clock: Clock,
        *,
        text_prefix: str,
    ) -> None:
        self._records = records
        self._projects = projects
        self._transactor = transactor
        self._clock = clock
        self._text_prefix = text_prefix

    def list(self, asker: Principal, page: PageRequest) -> Page[ApiKey]:
        """Return the customer's keys, oldest first; an asker confined to a project sees those of the project."""
        return self._records.list(asker.customer_id, asker.project_id, page)

    def get(self, asker: Principal, key_id: str) -> ApiKey:
        """Return one key.

        Raises:
            NotFound: the customer, or the asker's project, has no such key.
        """
        key = self._records.get(key_id)
        belongs_to_customer = key is not None and key.customer_id == asker.customer_id
        if key is None or not belongs_to_customer or asker.project_id not in {"", key.project_id}:
            raise NotFound(_NO_KEY)
        return key

    def create(self, asker: Principal, requested: KeyRequest) -> NewKey:
        """Create a key as described by `requested`, with no more rights than the asker.

        Raises:
            InvalidInput: a scope, a network, the expiry or the project is invalid.
            Forbidden: the key would have more rights than the asker (G43).
            LimitExceeded: the customer has the maximum number of keys.
        """
        now = self._clock.now()
        key_id = new_id(Kind.API_KEY, now)
        text = new_text(self._text_prefix, key_id)
        authority = self._authority(asker)
        key = ApiKey(
            id=key_id,
            customer_id=asker.customer_id,
            name=requested.name,
            secret_hash=hash_of(text),
            scopes=_distinct(requested.scopes),
            granted=granted(_distinct(requested.scopes), authority.scopes),
            granted_by_user_id=asker.user_id,
            created_at=now,
            rules=_rules(requested.cidrs, now),
            requests_per_minute=requested.requests_per_minute,
            expires_at=_expiry(requested.expires_at, now),
            daily_spend_cap_micros=requested.daily_spend_cap_micros,
            monthly_spend_cap_micros=requested.monthly_spend_cap_micros,
            project_id=self._project(asker, requested.project_id),
        )
        authority.must_cover(key)
        try:
            self._transactor.commit([*self._records.insert(key, MAX_KEYS), *self._still(authority)])
        except ConditionFailed as failed:
            if ROOM_LEFT in failed.asserts:
                raise LimitExceeded(f"You have {MAX_KEYS} API keys, the most there can be.") from failed
            raise _overtaken(failed) from failed
        return NewKey(key, text)

    def change(self, asker: Principal, key_id: str, changes: KeyChanges) -> ApiKey:
        """Change the fields of a key that `changes` names.

        Raises:
            NotFound, InvalidInput, Forbidden: as for `get` and `create`.
        """
        now = self._clock.now()

        def change(key: ApiKey, authority: Authority) -> ApiKey:
            checked = dict(changes)
            if "expires_at" in checked:
                checked["expires_at"] = _expiry(checked["expires_at"], now)
            if "project_id" in checked:
                checked["project_id"] = self._project(asker, checked["project_id"])
            return replace(key, **checked)

        return self._changed(asker, key_id, change)

    def replace_scopes(self, asker: Principal, key_id: str, scopes: Sequence[str]) -> ApiKey:
        """Replace a key's scopes; the asker becomes the user on whose rights the key depends.

        Raises:
            NotFound, InvalidInput, Forbidden: as for `get` and `create`.
        """
        texts = _distinct(scopes)

        def change(key: ApiKey, authority: Authority) -> ApiKey:
            given = granted(texts, authority.scopes)
            return replace(key, scopes=texts, granted=given, granted_by_user_id=asker.user_id)

        return self._changed(asker, key_id, change)

    def rotate(self, asker: Principal, key_id: str, overlap: timedelta) -> NewKey:
        """Give a key a new secret; the current one stays valid for `overlap`, and any older one ends now.

        The asker sees the new secret. So the key depends on the asker's rights from now on: it ends with their
        membership.

        Raises:
            NotFound, Forbidden: as for `get` and `create`.
        """
        now = self._clock.now()
        text = new_text(self._text_prefix, key_id)

        def change(key: ApiKey, authority: Authority) -> ApiKey:
            old = OldSecret(key.secret_hash, now + overlap, key.granted_by_user_id) if overlap else None
            renewed = replace(key, secret_hash=hash_of(text), old_secret=old, rotated_at=now)
            return replace(renewed, granted_by_user_id=asker.user_id)

        return NewKey(self._changed(asker, key_id, change), text)

    def revoke(self, asker: Principal, key_id: str) -> None:
        """Revoke a key at once, whatever its scopes are (G42).

        Raises:
            NotFound: as for `get`.
        """
        self._transactor.commit(self._records.remove(self.get(asker, key_id)))

    def revoke_beyond(self, customer_id: str, user_id: str, allowed: frozenset[Scope]) -> Sequence[str]:
        """Revoke the user's keys with scopes outside `allowed`, after their role was lowered or they left.

        A key never holds more than its granter does, from the moment the membership changes; revoking makes this
        permanent, so that a better role later does not revive the keys. If another user has rotated such a key
        since, only the old secret ends. Call this after the change is committed.

        Returns: the ids of the revoked keys.
        """

        def is_beyond(key: ApiKey) -> bool:
            return user_id in key.known_to and not key.granted <= allowed

        ended: list[str] = []
        while beyond := list(filter(is_beyond, self._records.all_of(customer_id))):
            for key in beyond:  # read again: one of them may have created another key meanwhile
                if key.granted_by_user_id == user_id:
                    self._transactor.commit(self._records.remove(key))
                    ended.append(key.id)
                else:
                    self._forget_old_secret(key)
        return ended

    def _forget_old_secret(self, key: ApiKey) -> None:
        with suppress(ConditionFailed):  # changed or revoked meanwhile: the caller reads again
            self._transactor.commit([self._records.replace(replace(key, old_secret=None))])

    def add_rule(self, asker: Principal, key_id: str, cidr: str, note: str) -> ApiKey:
        """Allow a key to be used from one more network; the first rule excludes all other networks.

        Raises:
            NotFound, InvalidInput, Forbidden: as for `get` and `create`.
            Conflict: the network is allowed already.
            LimitExceeded: the key has the maximum number of rules.
        """
        rule = _rule(cidr, note, self._clock.now(), "cidr")
        return self._changed(asker, key_id, lambda key, authority: replace(key, rules=_with_rule(key.rules, rule)))

    def remove_rule(self, asker: Principal, key_id: str, rule_id: str) -> ApiKey:
        """Remove one network rule of a key; a key without rules may be used from everywhere.

        Raises:
            NotFound: the customer has no such key, or the key has no such rule.
            Forbidden: as for `create`.
        """
        return self._changed(
            asker, key_id, lambda key, authority: replace(key, rules=_without_rule(key.rules, rule_id))
        )

    def _changed(self, asker: Principal, key_id: str, change: Callable[[ApiKey, Authority], ApiKey]) -> ApiKey:
        """Store the key that `change` returns, if the asker has all rights of the old and the new key."""

        def attempt() -> ApiKey:
            key, authority = self.get(asker, key_id), self._authority(asker)
            authority.must_cover(key)
            changed = change(key, authority)
            authority.must_cover(changed)
            self._transactor.commit([self._records.replace(changed), *self._still(authority, changed)])
            return changed

        try:
            return with_fresh_reads(attempt, stale=_STALE)
        except ConditionFailed as failed:
            raise _overtaken(failed) from failed

    def _authority(self, asker: Principal) -> Authority:
        return Authority(asker, self.get(asker, asker.api_key_id) if asker.api_key_id else None)

    def _still(self, authority: Authority, changed: ApiKey | None = None) -> Sequence[Write]:
        """Assert that the data behind the asker's authority has not changed since it was read."""
        asker = authority.principal
        if authority.own_key is not None:
            is_itself = changed is not None and changed.id == authority.own_key.id
            return [] if is_itself else [self._records.unchanged(authority.own_key)]
        return [self._records.same_role(asker.customer_id, asker.user_id, asker.role)] if asker.role else []

    def _project(self, asker: Principal, project_id: str) -> str:
        """Return the project's id; the asker must have access to it."""
        is_seen = asker.project_id in {"", project_id}
        if project_id and not (is_seen and self._projects.has(asker.customer_id, project_id)):
            raise InvalidInput.of("projectId", "You have no such project.")
        return project_id


class CustomerAllowList:
    """Manages the networks from which all of a customer's keys may be used, besides each key's own rules."""

    def __init__(self, records: ApiKeyRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def rules(self, customer_id: str) -> Sequence[NetworkRule]:
        """Return the customer's rules, oldest first."""
        return self._records.networks(customer_id).rules

    def add(self, asker: Principal, cidr: str, note: str) -> NetworkRule:
        """Allow one more network; the first rule excludes all other networks.

        Raises:
            InvalidInput: `cidr` is not a network.
            Conflict: the network is allowed already.
            LimitExceeded: the customer has the maximum number of rules.
            Forbidden: the asker is a key, and the rule would allow more than now.
        """
        rule = _rule(cidr, note, self._clock.now(), "cidr")
        self._changed(asker, lambda rules: _with_rule(rules, rule))
        return rule

    def remove(self, asker: Principal, rule_id: str) -> None:
        """Remove one network rule; without rules, all networks are allowed.

        Raises:
            NotFound: the customer has no such rule.
            Forbidden: the asker is a key, and removing the rule would allow more than now.
        """
        self._changed(asker, lambda rules: _without_rule(rules, rule_id))

    def _changed(self, asker: Principal, change: Callable[[Sequence[NetworkRule]], Sequence[NetworkRule]]) -> None:
        def attempt() -> None:
            before = self._records.networks(asker.customer_id)
            after = replace(before, rules=change(before.rules))
            if asker.api_key_id and not covers(before.cidrs, after.cidrs):
                raise Forbidden("A key can narrow where keys may be used from, but not widen it.")
            self._transactor.commit([self._records.replace_networks(asker.customer_id, after)])

        with_fresh_reads(attempt, stale=frozenset({RULES_UNCHANGED}))


def _distinct(scopes: Sequence[str]) -> Sequence[str]:
    return tuple(dict.fromkeys(scopes))


def _expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is not None and not now < expires_at <= now + MAX_LIFE:
        raise InvalidInput.of("expiresAt", "This must lie in the future, and at most ten years ahead.")
    return expires_at


def _rules(cidrs: Sequence[str], now: datetime) -> Sequence[NetworkRule]:
    rules: Sequence[NetworkRule] = ()
    for number, cidr in enumerate(cidrs):
        rules = _with_rule(rules, _rule(cidr, "", now, f"cidrs.{number}"))
    return rules


def _rule(cidr: str, note: str, now: datetime, field: str) -> NetworkRule:
    try:
        return NetworkRule(new_id(Kind.IP_RULE, now), normalised(cidr), note, now)
    except InvalidNetwork as invalid:
        raise InvalidInput.of(field, str(invalid)) from None


def _with_rule(rules: Sequence[NetworkRule], rule: NetworkRule) -> Sequence[NetworkRule]:
    if rule.cidr in {other.cidr for other in rules}:
        raise Conflict(f"{rule.cidr} is in the list already.")
    if len(rules) >= MAX_RULES:
        raise LimitExceeded(f"There are {MAX_RULES} rules, the most there can be; a wider one may replace some.")
    return (*rules, rule)


def _without_rule(rules: Sequence[NetworkRule], rule_id: str) -> Sequence[NetworkRule]:
    left = tuple(rule for rule in rules if rule.id != rule_id)
    if len(left) == len(rules):
        raise NotFound(_NO_RULE)
    return left


def _overtaken(failed: ConditionFailed) -> Forbidden:
    """Return the error for an asker whose own rights changed meanwhile."""
    if not failed.asserts <= {GRANTER_UNCHANGED, KEY_UNCHANGED}:
        raise failed
    return Forbidden("Your own rights have just changed; look at them, and try again.")
