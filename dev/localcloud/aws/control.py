"""The control port: commands for tests and developers, which customers cannot use."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from dev.localcloud.aws.asgi import Receive, Scope, Send, read_body, respond_json
from dev.localcloud.aws.faults import FAULTS, BadFault, Fault
from dev.localcloud.aws.names import Names

Answer = tuple[int, Any]


class Control:
    """A small JSON API over the local AWS.

    POST /schedules/{name}/run          invoke a scheduled function now; answers its result
    POST /functions/{name}/invoke       invoke any function with the JSON body; answers its result
    GET  /functions                     list the deployed functions
    POST|GET|DELETE /faults, DELETE /faults/{id}
    GET|DELETE /invocations?function=&contains=
    POST /warm                          load the layers before the first call
    POST /executions/stop               {"name": …, "machine": …?}: stop a state machine's execution
    """

    def __init__(self, cloud: "Cloud", warm: Callable[[], None]) -> None:
        self._cloud = cloud
        self._warm = warm

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = await read_body(receive)
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        parts = [part for part in scope["path"].split("/") if part]
        try:
            parsed = json.loads(body) if body else None
            status, value = await asyncio.to_thread(self._answer, scope["method"], parts, query, parsed)
        except (BadFault, json.JSONDecodeError) as error:
            status, value = 400, {"message": str(error)}
        except UnknownName as error:
            status, value = 404, {"message": str(error)}
        await respond_json(send, status, value)

    def _answer(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> Answer:
        match method, parts:
            case "GET", ["functions"]:
                return 200, self._cloud.functions()
            case "POST", ["functions", name, "invoke"]:
                return 200, self._cloud.invoke(name, body)
            case "POST", ["schedules", name, "run"]:
                return 200, self._cloud.invoke(name, scheduled_event(name))
            case "POST", ["warm"]:
                self._warm()
                return 200, {}
            case "POST", ["executions", "stop"]:
                return 200, self._cloud.stop_executions(body["name"], body.get("machine", ""))
            case _, ["faults", *rest]:
                return _faults(method, rest, body)
            case _, ["invocations"]:
                return _invocations(method, query)
            case _:
                return 404, {"message": (Control.__doc__ or "").strip()}


class UnknownName(Exception):
    """No function or execution has this name."""


class Cloud:
    """Calls ministack's services within the process, for the control port."""

    def __init__(self, names: Names, client: Callable[[str], Any]) -> None:
        self._names = names
        self._client = client
        self._deployed: dict[str, str] = {}

    def functions(self) -> list[dict[str, Any]]:
        """Every deployed function: name, handler, memory and timeout."""
        return [
            {
                "name": self._names.of(function["FunctionName"]),
                "handler": function["Handler"],
                "memoryMb": function["MemorySize"],
                "timeoutSeconds": function["Timeout"],
            }
            for function in self._ours()
        ]

    def _ours(self) -> list[dict[str, Any]]:
        pages = self._client("lambda").get_paginator("list_functions").paginate()
        found = [function for page in pages for function in page["Functions"]]
        return [function for function in found if self._names.has(function["FunctionName"])]

    def _look_up(self) -> None:
        """Read the deployed functions, longer names last: those have an area, names of older releases do not."""
        deployed = sorted((function["FunctionName"] for function in self._ours()), key=len)
        self._deployed = {self._names.of(full): full for full in deployed}

    def invoke(self, name: str, event: Any) -> dict[str, Any]:
        """Invoke a function and wait; return its `result` or its `error`.

        Raises:
            UnknownName: no such function is deployed.
        """
        client = self._client("lambda")
        for has_looked in (False, True):
            if has_looked:
                self._look_up()
            try:
                answer = client.invoke(FunctionName=self._deployed[name], Payload=json.dumps(event))
            except (KeyError, client.exceptions.ResourceNotFoundException):
                continue  # not seen yet, or deployed again since under another name
            payload = json.loads(answer["Payload"].read())
            return {"error": payload} if "FunctionError" in answer else {"result": payload}
        raise UnknownName(f"no function is named {name}")

    def stop_executions(self, name: str, machine: str) -> dict[str, Any]:
        """Stop running executions whose name contains `name`, of state machines whose name contains `machine`."""
        client = self._client("stepfunctions")
        stopped = []
        for known in client.list_state_machines()["stateMachines"]:
            if machine not in known["name"]:
                continue
            listed = client.list_executions(stateMachineArn=known["stateMachineArn"], statusFilter="RUNNING")
            for execution in listed["executions"]:
                if name in execution["name"]:
                    client.stop_execution(
                        executionArn=execution["executionArn"], error="Injected", cause="injected fault"
                    )
                    stopped.append(execution["name"])
        return {"stopped": stopped}


def scheduled_event(name: str) -> dict[str, Any]:
    """The event that EventBridge sends to a scheduled function."""
    now = datetime.fromtimestamp(time.time(), UTC)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": [f"arn:aws:events:us-east-1:000000000000:rule/{name}"],
        "detail": {},
    }


def _faults(method: str, rest: list[str], body: Any) -> Answer:
    match method, rest:
        case "GET", []:
            return 200, FAULTS.listed()
        case "POST", []:
            return 201, asdict(FAULTS.add(Fault.parse(body)))
        case "DELETE", []:
            FAULTS.clear()
            return 200, {}
        case "DELETE", [fault_id]:
            FAULTS.clear(fault_id)
            return 200, {}
        case _:
            return 405, {"message": "GET, POST or DELETE"}


def _invocations(method: str, query: dict[str, str]) -> Answer:
    if method == "DELETE":
        FAULTS.forget_invocations()
        return 200, {}
    return 200, FAULTS.invocations(query.get("function", ""), query.get("contains", ""))
