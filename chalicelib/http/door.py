"""The code around every endpoint: it authenticates, limits, validates and records."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from chalicelib.domain.foundation.access.errors import AddressNotAllowed, CustomerBlocked, TwoFactorRequired
from chalicelib.domain.foundation.access.models import (
    ClaimState,
    Credentials,
    CustomerStatus,
    Principal,
    StoredAnswer,
)
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.http.answers import Answer, failure, success
from chalicelib.http.callers import Caller, Visitor
from chalicelib.http.credentials import CSRF_HEADER, access_token_of
from chalicelib.http.errors import IdempotencyConflict, IdempotencyInProgress, InternalError
from chalicelib.http.models import ApiModel, RawRequest
from chalicelib.http.requests import ProxyRequest, parse_body, parse_values
from chalicelib.http.spec import EndpointSpec
from chalicelib.kernel.errors import Forbidden, HearthError, InvalidInput, Unauthorized, Unavailable
from chalicelib.kernel.ids import Kind, is_id, new_id
from chalicelib.kernel.limits import REQUESTS_PER_MINUTE
from chalicelib.kernel.sites import site_of
from chalicelib.kernel.transactions import TransactionContended
from chalicelib.runtime.observe import logger, measured
from chalicelib.wiring.app import app

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_CUSTOMER_HEADER = "x-customer-id"
_NOT_THE_CALLERS_FAULT = 500
_DENIALS = frozenset({402, 403, 409})


class Door:
    """Guards one endpoint; `answer` is the Lambda's handler."""

    def __init__(self, spec: EndpointSpec, function: Callable[..., Any]) -> None:
        self.spec = spec
        self._function = function

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the proxy answer to a proxy event; never raises."""
        request = ProxyRequest(event)
        request_id = new_id(Kind.REQUEST, app().core.clock.now())
        with (
            measured(self.spec.name) as run,
            logger.append_context_keys(
                request_id=request_id,
                gateway_request_id=request.gateway_request_id,
                operation=self.spec.name,
                user_id=None,  # set when the user is known; None here removes the previous request's id
                customer_id=None,
            ),
        ):
            try:
                answer = self._admit(request, request_id)
            except HearthError as error:
                if error.status >= _NOT_THE_CALLERS_FAULT:
                    logger.warning("could not serve", exc_info=error)
                answer = failure(error)
                run.outcome = "refused"
            except TransactionContended:
                logger.warning("contended")
                answer = failure(Unavailable(retry_after_seconds=1))
                run.outcome = "refused"
            except Exception:
                logger.exception("failed")
                answer = failure(InternalError())
                run.outcome = "failed"
            logger.info("answered", status=answer.status, method=request.method)
        proxy = answer.to_proxy(origin=app().core.settings.public_url)
        proxy["multiValueHeaders"]["X-Request-Id"] = [request_id]
        return proxy

    def _admit(self, request: ProxyRequest, request_id: str) -> Answer:
        """Authenticate, rate-limit, authorise, and call the endpoint."""
        principal = None if self.spec.public else self._authenticate(request)
        if self.spec.rate_limited:
            self._count(request, principal)
        visitor: dict[str, Any] = {
            "ip": request.ip,
            "user_agent": request.user_agent,
            "request_id": request_id,
            "effect_key": request_id,
            "idempotency_key": self._idempotency_key(request),
            "cookies": tuple(request.cookies.items()),
            "csrf_token": request.headers.get(CSRF_HEADER),
            "bearer_token": request.bearer_token,
        }
        if principal is None:
            sender = Visitor(**visitor)
            return self._once(request, sender, self._arguments(request, sender))
        logger.append_keys(user_id=principal.actor_id, customer_id=principal.customer_id)
        return self._serve(request, Caller(**visitor, principal=principal))

    def _count(self, request: ProxyRequest, principal: Principal | None) -> None:
        """Apply the rate limit. A key used from an address that is not allowed counts against the network, not the
        key's owner.
        """
        if principal is None or not principal.address_is_allowed:
            name, limit = f"network:{site_of(request.ip)}", REQUESTS_PER_MINUTE
        else:
            name, limit = principal.limited_as, principal.requests_per_minute
        app().foundation.rate_limiter.check(name, limit, window_seconds=60)

    def _serve(self, request: ProxyRequest, caller: Caller) -> Answer:
        """Authorise an authenticated caller, call the endpoint, and record the outcome in the activity log."""
        arguments: Mapping[str, Any] = {}
        try:
            self._authorise(caller)
            arguments = self._arguments(request, caller)
            answer = self._once(request, caller, arguments)
        except HearthError as error:
            if error.status in _DENIALS:
                self._record(request, caller, arguments, Outcome.DENIED, error.code)
            raise
        if not answer.is_replay:
            self._record(request, caller, arguments, Outcome.DONE, concerns=answer.concerns)
        return answer

    def _authorise(self, caller: Caller) -> None:
        """Raise if the caller lacks the scope. Endpoints without a scope are for sessions only, not for API
        keys.
        """
        principal, scope = caller.principal, self.spec.scope
        if not principal.address_is_allowed:
            raise AddressNotAllowed(f"This API key may not be used from {caller.ip}.")
        if scope is None and principal.api_key_id:
            raise Forbidden("This needs a person who has signed in; an API key cannot do it.")
        if scope is not None and scope not in principal.scopes:
            if principal.lacks_second_factor_for(scope):
                raise TwoFactorRequired()
            raise Forbidden(f"This needs the scope {scope}.")
        is_blocked = principal.customer_status is CustomerStatus.BLOCKED and not self.spec.staff_only
        if is_blocked and (principal.api_key_id or not self.spec.is_open_to_blocked):
            raise CustomerBlocked()

    def _authenticate(self, request: ProxyRequest) -> Principal:
        """Return the principal. Staff endpoints check no membership, so they ignore the customer header."""
        token = access_token_of(request)
        if token is None:
            raise Unauthorized()
        customer_id = request.headers.get(_CUSTOMER_HEADER) if self.spec.acts_for_a_customer else None
        if customer_id is not None and not is_id(Kind.CUSTOMER, customer_id):
            raise InvalidInput.of("X-Customer-Id", "This is no customer's id.")
        return app().people.authenticator.authenticate(
            Credentials(
                token=token, ip=request.ip, customer_id=customer_id or "", wants_staff=self.spec.staff_only
            )
        )

    def _once(self, request: ProxyRequest, sender: Visitor, arguments: Mapping[str, Any]) -> Answer:
        """Call the function, at most once per idempotency key of the sender (G44)."""
        if sender.idempotency_key is None:
            return success(self._function(**arguments), self.spec.status)
        key, fingerprint = self._key(sender), _fingerprint(request, arguments)
        named = replace(sender, effect_key=hashlib.sha256(f"{key}:{fingerprint}".encode()).hexdigest())
        arguments = {name: named if value is sender else value for name, value in arguments.items()}
        records = app().foundation.idempotency_records
        claim = records.claim(
            key,
            sender.request_id,
            fingerprint,
            app().core.clock.now(),
            lease_seconds=self.spec.timeout_seconds + 5,
        )
        match claim.state:
            case ClaimState.OTHER_REQUEST:
                raise IdempotencyConflict()
            case ClaimState.IN_PROGRESS:
                raise IdempotencyInProgress(retry_after_seconds=1)
            case ClaimState.ANSWERED if claim.answer:
                return Answer(
                    claim.answer.status, claim.answer.body, {"Idempotency-Replayed": "true"}, is_replay=True
                )
        try:
            answer = success(self._function(**arguments), self.spec.status)
        except (HearthError, TransactionContended):
            records.release(key, sender.request_id)
            raise
        records.answer(key, sender.request_id, StoredAnswer(answer.status, answer.body))
        return answer

    def _arguments(self, request: ProxyRequest, sender: Visitor) -> dict[str, Any]:
        """Return the validated arguments of the function."""
        spec = self.spec
        arguments: dict[str, Any] = {}
        if spec.path_fields:
            path = parse_values(spec.path_model, request.path_values)
            arguments |= {name: getattr(path, name) for name in spec.path_fields}
        query = request.query_values()
        if spec.query_model is not None:
            arguments["query"] = parse_values(spec.query_model, query)
        raw = request.body()
        if spec.body_model is not None:
            arguments["request"] = parse_body(spec.body_model, raw)
        if "raw" in spec.takes:
            arguments["raw"] = RawRequest(raw, request.headers)
        for name in {"caller", "visitor"} & spec.takes:
            arguments[name] = sender
        return arguments

    def _key(self, sender: Visitor) -> str:
        """The sender's idempotency key, with everything that makes it another one: who sends it, and to what."""
        if isinstance(sender, Caller):
            owner = f"{sender.customer_id}:{sender.principal.actor_id}"
        else:
            owner = site_of(sender.ip)
        return f"{owner}:{self.spec.name}:{sender.idempotency_key}"

    def _idempotency_key(self, request: ProxyRequest) -> str | None:
        key = request.headers.get("idempotency-key") if self.spec.idempotent else None
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            raise InvalidInput.of("Idempotency-Key", "Use 1 to 255 visible ASCII characters.")
        return key

    def _record(
        self,
        request: ProxyRequest,
        caller: Caller,
        arguments: Mapping[str, Any],
        outcome: Outcome,
        code: str = "",
        concerns: str = "",
    ) -> None:
        """Record the call in the activity log; a failure to record does not change the answer.

        A change by staff goes into the customer's log, with the given reason. A denied attempt by a caller who is
        not staff goes into that caller's own log. A key used from an address that is not allowed may be stolen, so
        that this is recorded even for reads.
        """
        if not (self.spec.is_audited or code == AddressNotAllowed.code):
            return
        at = app().core.clock.now()
        by_staff = self.spec.staff_only and caller.principal.staff_role is not None
        asked = arguments.get("request") or arguments.get("query")
        targets = {**self._path_targets(request), **_body_targets(asked)}
        if concerns:
            targets["customerId"] = concerns
        activity = Activity(
            id=new_id(Kind.ACTIVITY, at),
            customer_id=targets.get("customerId", "") if by_staff else caller.customer_id,
            at=at,
            actor_user_id=caller.user_id,
            actor_api_key_id=caller.principal.api_key_id,
            action=self.spec.name,
            outcome=outcome,
            code=code,
            targets=targets,
            reason=getattr(asked, "reason", ""),
            by_staff=by_staff,
            ip=caller.ip,
            request_id=caller.request_id,
        )
        try:
            app().foundation.activity_log.append(activity)
        except Exception:  # the call has taken effect; an error would make clients repeat it
            logger.exception("not recorded", activity=asdict(activity))

    def _path_targets(self, request: ProxyRequest) -> Mapping[str, str]:
        """Return the path's values if all are valid, else nothing: an invalid value identifies no target."""
        if not self.spec.path_fields:
            return {}
        try:
            path = parse_values(self.spec.path_model, request.path_values)
        except InvalidInput:
            return {}
        return path.model_dump(mode="json", by_alias=True)


def _body_targets(body: Any) -> Mapping[str, str]:
    """Return the body's fields that identify the target, besides the path, by their JSON names."""
    names = body.audited_fields if isinstance(body, ApiModel) else frozenset()
    values = body.model_dump(mode="json", by_alias=False, include=set(names)) if names else {}
    return {to_camel(name): str(value) for name, value in values.items() if value is not None}


def _fingerprint(request: ProxyRequest, arguments: Mapping[str, Any]) -> str:
    """Return a hash that is equal for repeated requests: of the path values and the validated body and query."""
    models = {
        name: value.model_dump(mode="json") for name, value in arguments.items() if isinstance(value, BaseModel)
    }
    text = json.dumps([dict(request.path_values), models], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
