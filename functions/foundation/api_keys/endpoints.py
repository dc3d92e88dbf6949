"""Endpoints for API keys: their scopes, and the networks from which they may be used."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.foundation.access.scopes import SENTENCES, wildcards
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import Conflict, LimitExceeded
from chalicelib.wiring.app import app
from functions.foundation.api_keys.schemas import (
    ApiKeyChanges,
    ApiKeyDeleted,
    ApiKeyId,
    ApiKeyRequest,
    ApiKeyView,
    NewApiKeyView,
    RotationRequest,
    RuleDeleted,
    RuleId,
    RuleRequest,
    RuleView,
    ScopesRequest,
    ScopeView,
)


@endpoint("GET", "/api-scopes", public=True)
def list_api_scopes() -> Listing[ScopeView]:
    """List the scopes that a key can have."""
    scopes = [ScopeView(name=scope, description=text, includes=[scope]) for scope, text in SENTENCES.items()]
    every = [
        ScopeView(name=name, description="What its granter holds of these.", includes=list(includes))
        for name, includes in wildcards()
    ]
    return Listing([*scopes, *every])


@endpoint("GET", "/api-keys", scope=Scope.API_KEYS_READ)
def list_api_keys(query: PageQuery, caller: Caller) -> Listing[ApiKeyView]:
    """List the customer's keys, oldest first, without their secrets."""
    prefix = app().foundation.api_key_prefix
    page = app().foundation.api_keys.list(caller.principal, query.page_request())
    return Listing.of(page, lambda key: ApiKeyView.of(key, prefix))


@endpoint("POST", "/api-keys", status=201, scope=Scope.API_KEYS_WRITE, errors=(LimitExceeded, Conflict))
def create_api_key(request: ApiKeyRequest, caller: Caller) -> NewApiKeyView:
    """Create a key. Its secret is shown only now. It can do no more than its creator.

    A repeated call creates another key: answers with a secret are not stored, not even for an `Idempotency-Key`.
    """
    new = app().foundation.api_keys.create(caller.principal, request.key_request())
    return NewApiKeyView.of_new(new, app().foundation.api_key_prefix)


@endpoint("GET", "/api-keys/{apiKeyId}", scope=Scope.API_KEYS_READ)
def get_api_key(api_key_id: ApiKeyId, caller: Caller) -> ApiKeyView:
    """Show a key, without its secret."""
    return ApiKeyView.of(
        app().foundation.api_keys.get(caller.principal, api_key_id), app().foundation.api_key_prefix
    )


@endpoint("PATCH", "/api-keys/{apiKeyId}", scope=Scope.API_KEYS_WRITE)
def change_api_key(api_key_id: ApiKeyId, request: ApiKeyChanges, caller: Caller) -> ApiKeyView:
    """Change a key's name or limits: fields that are left out stay, and null removes a limit."""
    key = app().foundation.api_keys.change(caller.principal, api_key_id, request.changes())
    return ApiKeyView.of(key, app().foundation.api_key_prefix)


@endpoint("DELETE", "/api-keys/{apiKeyId}", scope=Scope.API_KEYS_WRITE)
def delete_api_key(api_key_id: ApiKeyId, caller: Caller) -> ApiKeyDeleted:
    """Revoke a key: its next call is refused."""
    app().foundation.api_keys.revoke(caller.principal, api_key_id)
    return ApiKeyDeleted(id=api_key_id)


@endpoint("POST", "/api-keys/{apiKeyId}/scopes", scope=Scope.API_KEYS_WRITE)
def replace_api_key_scopes(api_key_id: ApiKeyId, request: ScopesRequest, caller: Caller) -> ApiKeyView:
    """Replace a key's scopes, from its next call on; the member who does it becomes responsible for the key."""
    key = app().foundation.api_keys.replace_scopes(caller.principal, api_key_id, request.scopes)
    return ApiKeyView.of(key, app().foundation.api_key_prefix)


@endpoint("POST", "/api-keys/{apiKeyId}/rotate", scope=Scope.API_KEYS_WRITE)
def rotate_api_key(api_key_id: ApiKeyId, request: RotationRequest, caller: Caller) -> NewApiKeyView:
    """Give a key a new secret, which is shown only now; the old secret works for as long as you say.

    Only the newest two secrets can work: rotating again ends the older one at once. The member who rotates a key
    becomes responsible for it.
    """
    new = app().foundation.api_keys.rotate(caller.principal, api_key_id, request.overlap)
    return NewApiKeyView.of_new(new, app().foundation.api_key_prefix)


@endpoint("GET", "/api-keys/{apiKeyId}/ip-whitelist", scope=Scope.API_KEYS_READ)
def list_api_key_networks(api_key_id: ApiKeyId, caller: Caller) -> Listing[RuleView]:
    """List the networks from which a key may be used; if there are none, it may be used from everywhere."""
    key = app().foundation.api_keys.get(caller.principal, api_key_id)
    return Listing([RuleView.of(rule) for rule in key.rules])


@endpoint(
    "POST",
    "/api-keys/{apiKeyId}/ip-whitelist",
    status=201,
    scope=Scope.API_KEYS_WRITE,
    errors=(Conflict, LimitExceeded),
)
def add_api_key_network(api_key_id: ApiKeyId, request: RuleRequest, caller: Caller) -> RuleView:
    """Allow a key to be used from one more network; the first one excludes all others."""
    key = app().foundation.api_keys.add_rule(caller.principal, api_key_id, request.cidr, request.note)
    return RuleView.of(key.rules[-1])


@endpoint("DELETE", "/api-keys/{apiKeyId}/ip-whitelist/{ruleId}", scope=Scope.API_KEYS_WRITE)
def delete_api_key_network(api_key_id: ApiKeyId, rule_id: RuleId, caller: Caller) -> RuleDeleted:
    """Remove a network from which a key may be used; without any, the key works from everywhere."""
    app().foundation.api_keys.remove_rule(caller.principal, api_key_id, rule_id)
    return RuleDeleted(id=rule_id)


@endpoint("GET", "/ip-whitelist", scope=Scope.CUSTOMER_READ)
def list_networks(caller: Caller) -> Listing[RuleView]:
    """List the networks from which the customer's keys may be used; each key must also meet its own rules."""
    return Listing([RuleView.of(rule) for rule in app().foundation.customer_allow_list.rules(caller.customer_id)])


@endpoint("POST", "/ip-whitelist", status=201, scope=Scope.CUSTOMER_WRITE, errors=(Conflict, LimitExceeded))
def add_network(request: RuleRequest, caller: Caller) -> RuleView:
    """Allow the customer's keys to be used from one more network; the first one excludes all others."""
    return RuleView.of(app().foundation.customer_allow_list.add(caller.principal, request.cidr, request.note))


@endpoint("DELETE", "/ip-whitelist/{ruleId}", scope=Scope.CUSTOMER_WRITE)
def delete_network(rule_id: RuleId, caller: Caller) -> RuleDeleted:
    """Remove a network from which the customer's keys may be used; without any, they work from everywhere."""
    app().foundation.customer_allow_list.remove(caller.principal, rule_id)
    return RuleDeleted(id=rule_id)
