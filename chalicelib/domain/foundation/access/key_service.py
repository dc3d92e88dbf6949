"""Making, changing, rotating and revoking API keys, and saying where they may be used from."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.foundation.access.api_keys import MAX_KEYS, MAX_LIFE, KeyChanges
from chalicelib.domain.foundation.access.authority import Authority
from chalicelib.domain.foundation.access.key_texts import new_text
from chalicelib.domain.foundation.access.models import (
    ApiKey,
    KeyWish,
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
    """Keeps customers' keys. Whoever asks is named by their `Principal`: a person, or a key itself."""

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
        """The customer's keys, oldest first; to a key that is confined to a project, those of the project."""
        return self._records.list(asker.customer_id, asker.project_id, page)

    def get(self, asker: Principal, key_id: str) -> ApiKey:
        """One key.

        Raises:
            NotFound: the customer has no such key, or none within the asker's project.
        """
        key = self._records.get(key_id)
        is_theirs = key is not None and key.customer_id == asker.customer_id
        if key is None or not is_theirs or asker.project_id not in {"", key.project_id}:
            raise NotFound(_NO_KEY)
        return key

    def create(self, asker: Principal, wish: KeyWish) -> NewKey:
        """Make a key that can do what `wish` says, and no more than the asker.

        Raises:
            InvalidInput: a scope, a network, the expiry or the project is none.
            Forbidden: it would be able to do what the asker cannot (G43).
            LimitExceeded: the customer has as many keys as one may have.
        """
        now = self._clock.now()
        key_id = new_id(Kind.API_KEY, now)
        text = new_text(self._text_prefix, key_id)
        authority = self._authority(asker)
        key = ApiKey(
            id=key_id,
            customer_id=asker.customer_id,
            name=wish.name,
            secret_hash=hash_of(text),
            scopes=_distinct(wish.scopes),
            granted=granted(_distinct(wish.scopes), authority.scopes),
            granted_by_user_id=asker.user_id,
            created_at=now,
            rules=_rules(wish.cidrs, now),
            requests_per_minute=wish.requests_per_minute,
            expires_at=_expiry(wish.expires_at, now),
            daily_spend_cap_micros=wish.daily_spend_cap_micros,
            monthly_spend_cap_micros=wish.monthly_spend_cap_micros,
            project_id=self._project(asker, wish.project_id),
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
        """Give a key new values of what `changes` names.

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
        """Let a key do what `scopes` say instead; from now on the asker answers for it.

        Raises:
            NotFound, InvalidInput, Forbidden: as for `get` and `create`.
        """
        texts = _distinct(scopes)

        def change(key: ApiKey, authority: Authority) -> ApiKey:
            given = granted(texts, authority.scopes)
            return replace(key, scopes=texts, granted=given, granted_by_user_id=asker.user_id)

        return self._changed(asker, key_id, change)

    def rotate(self, asker: Principal, key_id: str, overlap: timedelta) -> NewKey:
        """Give a key a new secret; the one it has works on for `overlap`, and any older one ends now.

        The asker is shown the new secret, and so answers for the key from now on: it ends with their membership.

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
        """End a key, whatever it can do: it is refused from now on (G42).

        Raises:
            NotFound: as for `get`.
        """
        self._transactor.commit(self._records.remove(self.get(asker, key_id)))

    def revoke_beyond(self, customer_id: str, user_id: str, allowed: frozenset[Scope]) -> Sequence[str]:
        """End the user's keys that hold more than `allowed`: their role was lowered, or they have left.

        Keys hold no more than their granter does in any case, from the moment the membership changes; this makes
        it final, so that a better role later does not bring them back. Where somebody else has rotated such a key
        since, only the old secret ends. Call it once the change is committed.

        Returns: the ids of the keys that were ended.
        """

        def is_beyond(key: ApiKey) -> bool:
            return user_id in key.known_to and not key.granted <= allowed

        ended: list[str] = []
        while beyond := list(filter(is_beyond, self._records.all_of(customer_id))):
            for key in beyond:  # and again: one of them may have been making another meanwhile
                if key.granted_by_user_id == user_id:
                    self._transactor.commit(self._records.remove(key))
                    ended.append(key.id)
                else:
                    self._forget_old_secret(key)
        return ended

    def _forget_old_secret(self, key: ApiKey) -> None:
        with suppress(ConditionFailed):  # changed or revoked meanwhile: whoever asks looks again
            self._transactor.commit([self._records.replace(replace(key, old_secret=None))])

    def add_rule(self, asker: Principal, key_id: str, cidr: str, note: str) -> ApiKey:
        """Let a key in from one more network; the first one shuts all others out.

        Raises:
            NotFound, InvalidInput, Forbidden: as for `get` and `create`.
            Conflict: it is let in from there already.
            LimitExceeded: it has as many rules as a key may have.
        """
        rule = _rule(cidr, note, self._clock.now(), "cidr")
        return self._changed(asker, key_id, lambda key, authority: replace(key, rules=_with_rule(key.rules, rule)))

    def remove_rule(self, asker: Principal, key_id: str, rule_id: str) -> ApiKey:
        """Let a key in from one network less; without any, it is let in from everywhere.

        Raises:
            NotFound: the customer has no such key, or it no such rule.
            Forbidden: as for `create`.
        """
        return self._changed(
            asker, key_id, lambda key, authority: replace(key, rules=_without_rule(key.rules, rule_id))
        )

    def _changed(self, asker: Principal, key_id: str, change: Callable[[ApiKey, Authority], ApiKey]) -> ApiKey:
        """Keep what `change` makes of the key, if the asker covers what it was and what it becomes."""

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
        """Assert that what the asker's authority rests on has not changed since it was read."""
        asker = authority.principal
        if authority.own_key is not None:
            is_itself = changed is not None and changed.id == authority.own_key.id
            return [] if is_itself else [self._records.unchanged(authority.own_key)]
        return [self._records.same_role(asker.customer_id, asker.user_id, asker.role)] if asker.role else []

    def _project(self, asker: Principal, project_id: str) -> str:
        """The project, which must be one that the asker can see."""
        is_seen = asker.project_id in {"", project_id}
        if project_id and not (is_seen and self._projects.has(asker.customer_id, project_id)):
            raise InvalidInput.of("projectId", "You have no such project.")
        return project_id


class CustomerAllowList:
    """Says where all of a customer's keys may be used from, whatever their own rules say."""

    def __init__(self, records: ApiKeyRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def rules(self, customer_id: str) -> Sequence[NetworkRule]:
        """The customer's rules, oldest first."""
        return self._records.networks(customer_id).rules

    def add(self, asker: Principal, cidr: str, note: str) -> NetworkRule:
        """Let keys in from one more network; the first one shuts all others out.

        Raises:
            InvalidInput: `cidr` is no network.
            Conflict: they are let in from there already.
            LimitExceeded: there are as many rules as there may be.
            Forbidden: a key asks for more than there is.
        """
        rule = _rule(cidr, note, self._clock.now(), "cidr")
        self._changed(asker, lambda rules: _with_rule(rules, rule))
        return rule

    def remove(self, asker: Principal, rule_id: str) -> None:
        """Let keys in from one network less; without any, they are let in from everywhere.

        Raises:
            NotFound: the customer has no such rule.
            Forbidden: a key would open what is shut.
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
    """What to say when the asker's own rights changed while they were using them."""
    if not failed.asserts <= {GRANTER_UNCHANGED, KEY_UNCHANGED}:
        raise failed
    return Forbidden("Your own rights have just changed; look at them, and try again.")
