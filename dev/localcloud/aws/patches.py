"""Patches that add to ministack 1.5.33 what it lacks. Each first asserts that the code it patches has not changed.

This module and `streams.py` use private parts of ministack, because it has no public way to do this.
"""

# ruff: noqa: SLF001

import base64
import copy
import functools
import importlib.metadata
import inspect
import json
import logging
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, lambda_runtime, responses
from ministack.services import apigateway, apigateway_v1, dynamodb, kms, lambda_svc, ses, sqs, stepfunctions
from ministack.services.cloudformation import provisioners

from chalicelib.kernel.clock import parse_isoformat
from dev.localcloud.aws.invoker import Invoker
from dev.localcloud.aws.streams import StreamPoller
from dev.localcloud.ports import Ports

VERSION = "1.5.33"
_MEASURED_ARCHIVES = 8
"""Code and layer of this deployment and of some before it."""


class MinistackChanged(Exception):
    """The installed ministack is not the version for which the patches were written."""


def _expect(*, holds: bool, what: str) -> None:
    if not holds:
        raise MinistackChanged(f"{what}: check dev/localcloud/aws/patches.py against this version of ministack")


def layer_archive(layer: Any) -> bytes:
    """The content of an attached layer."""
    return bytes(lambda_svc._resolve_layer_zip(layer) or b"")


def role_credentials(config: dict[str, Any]) -> dict[str, str]:
    """Temporary credentials of a function's role; every call of the function is checked against them (G48)."""
    credentials: dict[str, str] = lambda_runtime.execution_credentials(config)
    return credentials


def attached_layers() -> list[list[Any]]:
    """The distinct lists of layers of the functions that exist."""
    found: list[list[Any]] = []
    for function in list(lambda_svc._functions._data.values()):
        layers = function["config"].get("Layers") or []
        if layers not in found:
            found.append(layers)
    return found


def throttled(message: str) -> dict[str, Any]:
    """A result that Lambda's API answers with status 429."""
    response: dict[str, Any] = lambda_svc._throttle_response(reason_code="CallerRateLimitExceeded", msg=message)
    return response


def sent_mail() -> list[dict[str, Any]]:
    """SES's records, of every account and region."""
    return [entry for _scope, entries in list(ses._sent_emails._data.items()) for entry in list(entries)]


def forget_mail() -> None:
    """Empty the mailbox."""
    for entries in ses._sent_emails._data.values():
        entries.clear()


def apply(invoker: Invoker, poller: StreamPoller, wait_scale: float) -> None:
    """Apply all patches; the pauses of failed messages are multiplied by `wait_scale`.

    Raises:
        MinistackChanged: the pinned version was upgraded, but the patches were not reviewed.
    """
    version = importlib.metadata.version("ministack")
    _expect(holds=version == VERSION, what=f"ministack is {version}, not {VERSION}")
    _execute_with(invoker)
    _measure_archives_once()
    _provision_websocket_deployments()
    _import_whole_operations()
    _import_gateway_responses()
    _hide_crashes()
    _judge_mail_by_its_sender()
    _judge_batches_as_their_messages()
    _open_secrets_with_their_own_key()
    _deliver_streams_with(poller)
    _wait_for_moments_by_the_clock()
    _name_queues_alike_on_every_port()
    _try_again_sooner(wait_scale)
    _keep(dynamodb, ("_stream_records", "_stream_trimmed"))
    _keep(ses, ("_sent_emails",))


def _wait_for_moments_by_the_clock() -> None:
    """Wait for a `Timestamp` by the clock: `SFN_WAIT_SCALE` would shorten this wait too, so that it ends too
    early.
    """
    _expect(
        holds="_sleep_until(ts_str)" in inspect.getsource(stepfunctions._execute_wait),
        what="waits are made otherwise",
    )

    def sleep_until(instant: str) -> None:
        time.sleep(max(0.0, (parse_isoformat(instant) - datetime.now(UTC)).total_seconds()))

    stepfunctions._sleep_until = sleep_until


def _execute_with(invoker: Invoker) -> None:
    """Run functions on `invoker`: ministack's workers lose an exception's class, so no Retry or Catch matches."""
    _expect(holds=hasattr(lambda_svc, "_execute_function_warm"), what="the warm executor is gone")
    _expect(holds=hasattr(lambda_svc, "_resolve_layer_zip"), what="layers are resolved otherwise")
    _expect(holds=hasattr(lambda_svc, "_throttle_response"), what="throttling is shaped otherwise")
    _expect(holds=hasattr(ses, "_sent_emails"), what="mail is kept elsewhere")

    def execute(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        return invoker.execute(function, event, request_id)

    lambda_svc._execute_function_warm = execute
    _expect(
        holds="get_or_create_worker(" in inspect.getsource(apigateway._invoke_ws_lambda), what="sockets differ"
    )
    lambda_runtime.get_or_create_worker = _SocketWorker


class _SocketWorker:
    """A worker that calls the invoker: WebSocket routes call a worker directly, without the executor."""

    def __init__(self, _name: str, config: dict[str, Any], code: bytes, **_qualifier: Any) -> None:
        self._function = {"config": config, "code_zip": code}

    def invoke(self, event: Any, _message_id: str) -> dict[str, Any]:
        """Return the handler's answer in the form of ministack's workers."""
        result = lambda_svc._execute_function(self._function, event)
        if result.get("error"):
            return {"status": "error", "error": "Internal server error"}
        return {"status": "ok", "result": result["body"]}


def _measure_archives_once() -> None:
    """Every update of a function reads the contents of all its archives: most of what a deployment takes."""
    original: Callable[[bytes | None], int] = lambda_svc._unzipped_size
    _expect(holds=inspect.isfunction(original), what="archives are measured once by now")
    lambda_svc._unzipped_size = functools.lru_cache(_MEASURED_ARCHIVES)(original)


def _provision_websocket_deployments() -> None:
    """Accept `AWS::ApiGatewayV2::Deployment`, which ministack does not know; its stages need no deployment."""
    handlers = provisioners._RESOURCE_HANDLERS
    name = "AWS::ApiGatewayV2::Deployment"
    _expect(holds=name not in handlers, what=f"{name} is known by now")

    def create(_logical_id: str, _properties: Any, _stack: str) -> tuple[str, dict[str, str]]:
        deployment = uuid.uuid4().hex[:6]
        return deployment, {"DeploymentId": deployment}

    handlers[name] = {"create": create, "delete": lambda _physical_id, _properties: None}


def _import_whole_operations() -> None:
    """Import the answers of mock integrations: without them, CORS preflights get no CORS headers."""
    original: Callable[..., None] = apigateway_v1._import_operation
    _expect(
        holds="requestTemplates" not in inspect.getsource(original), what="imports keep mock integrations by now"
    )

    def import_operation(
        api: str, resource: str, method: str, operation: Any, schemes: Any = None, security: Any = None
    ) -> None:
        original(api, resource, method, operation, schemes, security)
        integration = (operation or {}).get("x-amazon-apigateway-integration") or {}
        if str(integration.get("type", "")).lower() == "mock":
            stored = apigateway_v1._resources[api][resource]["resourceMethods"][method]["methodIntegration"]
            stored["requestTemplates"] = integration.get("requestTemplates", {})
            stored["integrationResponses"] = {
                str(response["statusCode"]): response for response in integration["responses"].values()
            }

    apigateway_v1._import_operation = import_operation


def _import_gateway_responses() -> None:
    """Import gateway responses and binary media types, which ministack drops."""
    original: Callable[..., str] = apigateway_v1._import_rest_api
    source = inspect.getsource(original)
    _expect(holds="gateway" not in source and "binary" not in source, what="imports keep gateway responses by now")

    def import_rest_api(spec: dict[str, Any], base: dict[str, Any] | None = None) -> str:
        binary = spec.get("x-amazon-apigateway-binary-media-types", [])
        api = original(spec, {"binaryMediaTypes": binary, **(base or {})})
        for kind, response in (spec.get("x-amazon-apigateway-gateway-responses") or {}).items():
            apigateway_v1._put_gateway_response(api, kind, response)
        return api

    apigateway_v1._import_rest_api = import_rest_api


def _hide_crashes() -> None:
    """Hide Lambda's error texts from clients: as the real gateway does, answer crashes and throttling with a
    general error."""
    original = apigateway_v1._invoke_lambda_proxy_v1
    _expect(holds='{"message": err}' in inspect.getsource(original), what="crashes are answered otherwise")

    async def invoke(*arguments: Any, **options: Any) -> Any:
        try:
            answer = await original(*arguments, **options)
        except Exception:
            logging.getLogger("apigateway").exception("an integration failed")
            return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        if isinstance(answer, tuple) and answer[0] in {429, 502} and _OF_LAMBDA.search(_plain(answer[2])):
            return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        return answer

    apigateway_v1._invoke_lambda_proxy_v1 = invoke


_OF_LAMBDA = re.compile(rb'"errorType|"TooManyRequestsException')


def _plain(body: bytes) -> bytes:
    """`body` without backslashes: the description of a crash is JSON inside JSON."""
    return body.replace(b"\\", b"")


def _judge_mail_by_its_sender() -> None:
    """Check the permission to send mail on the sender's identity, as SES does, instead of on every resource."""
    original: Callable[..., str] = iam_actions.extract_resource_arn
    _expect(
        holds="FromEmailAddress" not in inspect.getsource(original), what="mail is judged by its sender by now"
    )

    def extract(service: str, *arguments: Any, **options: Any) -> str:
        arn = original(service, *arguments, **options)
        if service == "ses" and arn == "*" and (sender := _sender(arguments)):
            identity = parseaddr(sender)[1]
            return f"arn:aws:ses:{responses.get_region()}:{responses.get_account_id()}:identity/{identity}"
        return arn

    iam_actions.extract_resource_arn = extract


def _sender(arguments: tuple[Any, ...]) -> str:
    """The sender in a request to SES: a form in version 1, JSON in version 2."""
    _method, _path, _headers, body, query = arguments[:5]
    form = parse_qs(body.decode(errors="replace")) | query
    if "Source" in form:
        return str(form["Source"][0])
    if body.startswith(b"{"):
        return str(json.loads(body).get("FromEmailAddress", ""))
    return ""


def _judge_batches_as_their_messages() -> None:
    """Check `SendMessageBatch` by the permission for one message, as AWS does: IAM has no action for it.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    """
    original: Callable[..., str | None] = iam_actions.extract_iam_action
    _expect(holds="Batch" not in inspect.getsource(original), what="batches of messages are judged by now")

    def extract(service: str, *arguments: Any, **options: Any) -> str | None:
        action = original(service, *arguments, **options)
        return action.removesuffix("Batch") if action and service == "sqs" else action

    iam_actions.extract_iam_action = extract


def _open_secrets_with_their_own_key() -> None:
    """KMS refuses to decrypt with another key than the one that encrypted; ministack takes any.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html (IncorrectKeyException)
    """
    original: Callable[[dict[str, Any]], Any] = kms._decrypt
    source = inspect.getsource(original)
    _expect(holds="ciphertext[:36]" in source and "IncorrectKey" not in source, what="keys are compared by now")

    def decrypt(request: dict[str, Any]) -> Any:
        named = kms._resolve_key(request["KeyId"]) if request.get("KeyId") else None
        encrypting = kms._resolve_key(base64.b64decode(request["CiphertextBlob"])[:36].decode(errors="ignore"))
        if named is not None and encrypting is not None and named["KeyId"] != encrypting["KeyId"]:
            message = "The key ID in the request does not identify a CMK that can perform this operation."
            return responses.error_response_json("IncorrectKeyException", message, 400)
        if request.get("KeyId") and named is None:
            return responses.error_response_json("NotFoundException", f"Key {request['KeyId']} is not there.", 400)
        return original(request)

    kms._decrypt = decrypt


def _deliver_streams_with(poller: StreamPoller) -> None:
    """See `streams.py`."""
    source = inspect.getsource(lambda_svc._poll_dynamodb_streams)
    _expect(holds="MaximumRetryAttempts" not in source, what="streams are retried as in the cloud by now")
    lambda_svc._poll_dynamodb_streams = poller.poll


def _name_queues_alike_on_every_port() -> None:
    """Give all URLs of queues the same port: stored URLs must still work after a restart on another port."""
    source = inspect.getsource(sqs._queue_url_for_account)
    _expect(holds="DEFAULT_PORT" in source, what="queues are named otherwise")
    sqs.DEFAULT_PORT = str(Ports.aws)


def _try_again_sooner(wait_scale: float) -> None:
    """Shorten the pauses of failed messages, as `SFN_WAIT_SCALE` shortens the waits of state machines."""
    original: Callable[..., None] = lambda_svc._run_sqs_batch
    _expect(holds="failed_ids" in inspect.getsource(original), what="messages that failed are kept otherwise")

    def run(esm: Any, function: Any, event: Any, batch: list[dict[str, Any]], *queue: str) -> None:
        original(esm, function, event, batch, *queue)
        now = time.time()
        for message in batch:  # processed messages have left the queue
            message["visible_at"] = now + (message["visible_at"] - now) * wait_scale

    lambda_svc._run_sqs_batch = run


def _keep(module: Any, names: tuple[str, ...]) -> None:
    """Save the stores `names` of `module`: a restart loses them, but keeps data that depends on them."""
    save, restore = module.get_state, module.load_persisted_state
    for name in names:
        _expect(holds=name not in inspect.getsource(save), what=f"{name} is saved by now")

    def get_state() -> dict[str, Any]:
        saved: dict[str, Any] = save()
        return saved | {name: copy.deepcopy(getattr(module, name)) for name in names}

    def load_persisted_state(state: dict[str, Any]) -> None:
        restore(state)
        for name in names:
            getattr(module, name).update(state.get(name, {}))

    module.get_state, module.load_persisted_state = get_state, load_persisted_state
