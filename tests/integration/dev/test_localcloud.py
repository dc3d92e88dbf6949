"""The local cloud runs the package: every trigger, every fault, edits and restarts."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import uuid
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.encryption import KmsBox
from dev.localcloud.awsclient import ACCOUNT, REGION, SECRET, LocalAws
from dev.localcloud.stacks import Stacks
from tests.integration.dev.localcloud import LocalCloud, eventually, request
from tests.template.projects import fixture_project
from tools.aim import aimed
from tools.deploy import NotFinished, Stage, retire
from tools.package import ROOT
from tools.previous_release import PreviousRelease

_START_SECONDS = 120.0

pytestmark = pytest.mark.xdist_group("localcloud")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One running cloud for this module."""
    folder = tmp_path_factory.mktemp("localcloud")
    running = LocalCloud(folder / "home", fixture_project(folder / "project"))
    running.up()
    yield running
    running.run("down")


@pytest.fixture(autouse=True)
def _no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove all faults after each test."""
    yield
    if "cloud" in request.fixturenames:
        running: LocalCloud = request.getfixturevalue("cloud")
        running.control("DELETE", "/faults")


def _unique() -> str:
    return uuid.uuid4().hex


def test_an_endpoint_answers_from_its_own_function(cloud: LocalCloud) -> None:
    """The request goes through the gateway to the table and back."""
    note = _unique()
    assert cloud.api("PUT", f"/notes/{note}", {"text": "hello"}).json() == {"stored": True}
    read = cloud.api("GET", f"/notes/{note}")
    assert read.status == 200
    assert read.json()["note"]["text"]["S"] == '{"text": "hello"}'
    called = [found["function"] for found in cloud.invocations("", note) if found["function"] != "follow_notes"]
    assert called == ["put_note", "get_note"]


@pytest.mark.guarantee("G48")
def test_g48_a_call_that_is_not_granted_is_refused(cloud: LocalCloud) -> None:
    """The local AWS checks every call against the caller's role, so a missing grant is found before deployment."""
    assert cloud.api("POST", "/overreach").json() == {"refused": "AccessDeniedException"}


@pytest.mark.guarantee("G46")
def test_g46_the_box_opens_a_secret_for_its_owner_alone(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The production adapter uses the key of the data stack."""
    kms = cloud.client("kms")
    found = {alias["AliasName"]: alias["TargetKeyId"] for alias in kms.list_aliases()["Aliases"]}
    (key_id,) = [key for name, key in found.items() if name.endswith("-secrets")]
    monkeypatch.setattr(clients, "kms", lambda: kms)
    box = KmsBox(key_id)
    sealed = box.seal("JBSWY3DPEHPK3PXP", "usr_ada")
    assert box.open(sealed, "usr_ada") == "JBSWY3DPEHPK3PXP"
    assert "JBSWY3DPEHPK3PXP" not in sealed
    assert box.seal("JBSWY3DPEHPK3PXP", "usr_ada") != sealed
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        box.open(sealed, "usr_bob")
    another = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(kms.exceptions.IncorrectKeyException):
        KmsBox(another).open(sealed, "usr_ada")
    with pytest.raises(kms.exceptions.NotFoundException):
        KmsBox("00000000-0000-0000-0000-000000000000").open(sealed, "usr_ada")


def test_the_source_address_is_the_connections_not_a_headers(cloud: LocalCloud) -> None:
    """As with the real gateway, a client cannot change it with X-Forwarded-For."""
    forged = cloud.api("GET", "/notes/x", headers={"X-Forwarded-For": "203.0.113.9"})
    assert forged.json()["source"] == "127.0.0.1"
    pretended = cloud.api("GET", "/notes/x", headers={"X-Local-Source-Ip": "2001:db8::7"})
    assert pretended.json()["source"] == "2001:db8::7"


def test_a_preflight_lets_the_front_end_in(cloud: LocalCloud) -> None:
    """It allows credentials, for the front end's origin."""
    answer = cloud.api("OPTIONS", "/notes/x")
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]


def test_an_alias_in_another_api_answers_from_the_same_function(cloud: LocalCloud) -> None:
    """It has the same host and stage path, whichever API has the path."""
    note = _unique()
    cloud.api("PUT", f"/notes/{note}", {"text": "hello"})
    read, alias = cloud.api("GET", f"/notes/{note}"), cloud.api("GET", f"/v1/notes/{note}")
    assert (alias.status, alias.json()) == (read.status, read.json())
    assert [found["function"] for found in cloud.invocations("get_note", note)] == ["get_note"] * 2
    assert len(cloud.client("apigateway").get_rest_apis()["items"]) == 2
    assert cloud.api("GET", "/v1/nothing").json()["error"]["code"] == "NOT_FOUND"
    assert cloud.api("GET", f"/v1notes/{note}").json()["error"]["code"] == "NOT_FOUND"


def test_an_unknown_address_answers_in_our_envelope(cloud: LocalCloud) -> None:
    """The gateway's own errors look like those of functions."""
    answer = cloud.api("GET", "/nothing/here")
    assert answer.status == 404
    assert answer.json()["error"]["code"] == "NOT_FOUND"


def test_a_crash_says_nothing_of_its_cause(cloud: LocalCloud) -> None:
    """The description is only in the log."""
    answer = cloud.api("POST", "/crash")
    assert answer.status >= 500
    assert answer.json()["error"]["code"] == "INTERNAL_ERROR"
    assert b"secret detail" not in answer.body
    assert "a secret detail" in (cloud.home / "logs" / "functions.log").read_text()


def test_too_many_calls_are_answered_as_the_gateway_does(cloud: LocalCloud) -> None:
    """Lambda's text about its limits does not reach clients."""
    functions = cloud.client("lambda")
    (name,) = [
        found["FunctionName"]
        for found in functions.list_functions()["Functions"]
        if found["FunctionName"].endswith("-get_note")
    ]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        answer = cloud.api("GET", "/notes/x")
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    assert (answer.status, answer.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert cloud.api("GET", "/notes/x").status == 200


def test_as_many_functions_run_at_once_as_in_an_account(cloud: LocalCloud) -> None:
    """The limit does not depend on the machine's memory: sixteen shards and a customer run at once."""
    limits = cloud.client("lambda").get_account_settings()["AccountLimit"]
    assert limits["ConcurrentExecutions"] == 1000


def test_a_webhook_gets_the_raw_body_at_its_own_address(cloud: LocalCloud) -> None:
    """The address has the registry's name."""
    answer = request("POST", cloud.endpoints["webhooks"]["bank_transfer"], {"paid": "1.00"})
    assert answer.json() == {"body": '{"paid": "1.00"}', "path": "/"}


def test_a_schedule_runs_when_told(cloud: LocalCloud) -> None:
    """The answer is the function's result."""
    result = cloud.control("POST", "/schedules/tick/run")["result"]
    assert result["ranAt"].endswith("Z")
    missing = request("POST", f"{cloud.endpoints['control']}/schedules/no_such/run")
    assert missing.status == 404


def test_a_schedule_is_a_rule_that_eventbridge_fires(cloud: LocalCloud) -> None:
    """It also runs by itself, every five minutes."""
    (rule,) = cloud.client("events").list_rules()["Rules"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")


def test_a_queue_feeds_its_function(cloud: LocalCloud) -> None:
    """The message is deleted afterwards."""
    queues = cloud.client("sqs")
    (url,) = queues.list_queues(QueueNamePrefix="hearth-core-MeteringQueue")["QueueUrls"]
    message = _unique()
    queues.send_message(QueueUrl=url, MessageBody=json.dumps({"shard": message}))
    (taken,) = eventually(lambda: [found for found in cloud.invocations("meter", message) if found["answer"]])
    assert taken["answer"]["taken"] == 1


def _put(cloud: LocalCloud, kind: str, text: str) -> None:
    item = {"pk": {"S": _unique()}, "sk": {"S": "note"}, "kind": {"S": kind}, "text": {"S": text}}
    cloud.client("dynamodb").put_item(TableName=cloud.endpoints["table"], Item=item)


def _delivered(cloud: LocalCloud, text: str) -> list[dict[str, Any]]:
    return [found for found in cloud.invocations("follow_notes", text) if found["seconds"] is not None]


def test_the_stream_feeds_its_function_with_what_matches(cloud: LocalCloud) -> None:
    """Other records are not delivered."""
    other, text = _unique(), _unique()
    _put(cloud, "SOMETHING_ELSE", other)
    _put(cloud, "NOTE", text)
    eventually(lambda: _delivered(cloud, text))
    assert not _delivered(cloud, other)


def test_a_poisoned_record_is_set_aside_after_its_retries(cloud: LocalCloud) -> None:
    """Later records are delivered; the dead-letter queue has the lost one."""
    poison, after = f"poison {_unique()}", _unique()
    _put(cloud, "NOTE", poison)
    _put(cloud, "NOTE", after)
    eventually(lambda: _delivered(cloud, after))
    queues = cloud.client("sqs")
    (url,) = queues.list_queues(QueueNamePrefix="hearth-core-StreamDeadLetters")["QueueUrls"]
    (letter,) = eventually(lambda: queues.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(letter["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"
    tries = [found for found in _delivered(cloud, poison.split()[1]) if found["answer"]["batchItemFailures"]]
    assert len(tries) == 6


def _send(cloud: LocalCloud, queue: str, text: str, **options: str) -> None:
    queues = cloud.client("sqs")
    url = queues.get_queue_url(QueueName=f"hearth-{queue}")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody=json.dumps({"text": text}), **options)


def _handled(cloud: LocalCloud, function: str, text: str) -> list[dict[str, Any]]:
    """The successful invocations with this text."""
    return [
        found
        for found in cloud.invocations(function, text)
        if found["answer"] and not found["answer"]["batchItemFailures"]
    ]


def test_a_lost_event_is_not_processed(cloud: LocalCloud) -> None:
    """This fault is for tests of reconcilers."""
    lost, kept = _unique(), _unique()
    fault = {"function": "count_notes", "kind": "lose", "contains": lost, "times": 9}
    cloud.control("POST", "/faults", fault)
    _send(cloud, "changes-count_notes", lost)
    eventually(lambda: cloud.invocations("count_notes", lost))
    _send(cloud, "changes-count_notes", kept)
    eventually(lambda: _handled(cloud, "count_notes", kept))
    assert [found["fault"] for found in cloud.invocations("count_notes", lost)] == ["lose"]


@pytest.mark.guarantee("G39")
def test_g39_a_poison_change_is_tried_five_times_and_holds_up_only_what_comes_after_it_for_its_owner(
    cloud: LocalCloud,
) -> None:
    """In an ordered queue, an owner's next change waits until the poison change is among the dead letters."""
    poison, next_of_hers, of_another = f"poison {_unique()}", _unique(), _unique()
    for number, (owner, text) in enumerate((("ann", poison), ("ann", next_of_hers), ("bob", of_another))):
        order = {"MessageGroupId": owner, "MessageDeduplicationId": f"{text[-8:]}{number}"}
        _send(cloud, "changes-order_notes.fifo", text, **order)
    (others,) = eventually(lambda: _handled(cloud, "order_notes", of_another))
    (hers,) = eventually(lambda: _handled(cloud, "order_notes", next_of_hers))
    tries = cloud.invocations("order_notes", poison.split()[1])
    assert len(tries) == 5
    assert others["began"] < tries[1]["began"]
    assert hers["began"] > tries[-1]["began"]
    queues = cloud.client("sqs")
    dead = queues.get_queue_url(QueueName="hearth-dead-order_notes.fifo")["QueueUrl"]
    (letter,) = queues.receive_message(QueueUrl=dead)["Messages"]
    assert json.loads(letter["Body"]) == {"text": poison}


def test_a_state_machine_catches_an_error_by_its_name(cloud: LocalCloud) -> None:
    """The failure path sends a letter, which arrives in the mailbox."""
    ended = cloud.execute("machine-provision", _unique(), {"failures": 1})
    assert ended["status"] == "SUCCEEDED"
    answer = request("GET", f"{cloud.endpoints['mailbox']}/messages?to=customer@example.com")
    newest = answer.json()[0]
    assert (newest["subject"], newest["text"]) == ("OutOfGpus", "Hello.")
    page = request("GET", cloud.endpoints["mailbox"])
    assert b"OutOfGpus" in page.body


_CASES = {
    "before": (["Lambda.ServiceException", None], 1),
    "after": (["Lambda.ServiceException", None], 2),
    "throttle": (["Lambda.TooManyRequestsException", None], 1),
    "kill": (["Runtime.ExitError", None], 2),
    "duplicate": ([None], 2),
}
"""For each fault: the errors that a state machine sees in turn, and how often the handler ran."""


@pytest.mark.parametrize("kind", _CASES)
def test_faults_are_seen_by_name_and_retried(cloud: LocalCloud, kind: str) -> None:
    """The fault affects only the execution that it names."""
    name, errors = _unique(), _CASES[kind][0]
    cloud.control("POST", "/faults", {"function": "build_machine", "kind": kind, "contains": name})
    ended = cloud.execute("machine-provision", name, {"failures": 0, "name": name})
    assert ended["status"] == "SUCCEEDED"
    assert [found["error_type"] for found in cloud.invocations("build_machine", name)] == errors
    other = _unique()
    cloud.execute("machine-provision", other, {"failures": 0, "name": other})
    assert [found["error_type"] for found in cloud.invocations("build_machine", other)] == [None]


def test_a_process_can_die_between_two_of_its_requests(cloud: LocalCloud) -> None:
    """Before the first request, nothing has happened; before the answer, everything has."""
    for at_request, stored in ((1, False), (None, True)):
        note = _unique()
        fault = {"function": "put_note", "kind": "kill", "contains": note, "at_request": at_request}
        cloud.control("POST", "/faults", fault)
        assert cloud.api("PUT", f"/notes/{note}", {"text": "x"}).status >= 500
        assert (cloud.api("GET", f"/notes/{note}").json()["note"] is not None) is stored


def test_a_bad_fault_is_refused_with_a_sentence(cloud: LocalCloud) -> None:
    """Otherwise it would never fire."""
    url = f"{cloud.endpoints['control']}/faults"
    assert b"kind is one of" in request("POST", url, {"function": "tick", "kind": "explode"}).body
    assert b"has no color" in request("POST", url, {"function": "tick", "kind": "kill", "color": 1}).body


def test_an_execution_can_be_stopped(cloud: LocalCloud) -> None:
    """An operator, or an outage of the region, could do the same."""
    states, name = cloud.client("stepfunctions"), _unique()
    (machine,) = states.list_state_machines()["stateMachines"]
    slow = {"function": "build_machine", "kind": "slow", "contains": name, "delay_seconds": 3}
    cloud.control("POST", "/faults", slow)
    given = json.dumps({"failures": 0, "name": name})
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], name=name, input=given)
    eventually(lambda: cloud.invocations("build_machine", name))
    assert cloud.control("POST", "/executions/stop", {"name": name}) == {"stopped": [name]}
    described = states.describe_execution(executionArn=started["executionArn"])
    assert described["status"] == "ABORTED"


def test_a_websocket_connects_and_is_sent_to(cloud: LocalCloud) -> None:
    """It connects through the front door; answers come through the management API of connections."""
    host, port = cloud.endpoints["websocket"].split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        key = b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET /websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        assert b" 101 " in head.split(b"\r\n")[0]
        mask, text = os.urandom(4), b'{"action": "hello"}'
        masked = bytes(letter ^ mask[place % 4] for place, letter in enumerate(text))
        connection.sendall(struct.pack("!BB", 0x81, 0x80 | len(text)) + mask + masked)
        _opcode, length = connection.recv(2)
        assert connection.recv(length) == text


def test_functions_see_the_package_and_not_this_environment(cloud: LocalCloud) -> None:
    """They run on the base interpreter, without the virtual environment."""
    cloud.api("GET", "/notes/x")
    recorded = json.loads((cloud.home / "processes.json").read_text())
    inner = psutil.Process(recorded["aws"]["pid"]).children(recursive=True)
    commands = [process.cmdline() for process in inner if process.cmdline()]
    assert commands
    assert all("-I" in command and "-S" in command for command in commands)
    assert not [command for command in commands if command[0] == sys.executable]


def test_everything_listens_on_loopback_only(cloud: LocalCloud) -> None:
    """Other machines of the network cannot reach a developer's cloud."""
    recorded = json.loads((cloud.home / "processes.json").read_text())
    for process in recorded.values():
        for found in psutil.Process(process["pid"]).net_connections("inet"):
            if found.status == psutil.CONN_LISTEN:
                assert found.laddr.ip == "127.0.0.1"


def test_an_edit_is_brought_in_by_up_and_nothing_else_is_done(cloud: LocalCloud) -> None:
    """A second `up` deploys nothing."""
    source = cloud.project / "functions" / "foundation" / "samples" / "endpoints.py"
    text = source.read_text()
    note = _unique()
    cloud.api("PUT", f"/notes/{note}", {"text": "kept"})
    source.write_text(text.replace("VERSION = 1", "VERSION = 2"))
    assert "Brought in" in cloud.up()
    read = cloud.api("GET", f"/notes/{note}").json()
    assert (read["version"], read["note"] is not None) == (2, True)
    assert "Nothing has changed" in cloud.up()


_MOVED = '''"""A function that was in another area before."""

from chalicelib.runtime.grants import TABLE_READ
from chalicelib.runtime.registry import Function, Route, register
from functions.foundation.samples import endpoints


def get_note(event, context):
    """Read a note."""
    return endpoints.get_note(event, context)


register(Function("get_note", __name__, Route("GET", "/notes/{noteId}"), get_note, (TABLE_READ,)))
'''


def _deployed(cloud: LocalCloud, name: str) -> set[str]:
    pages = cloud.client("lambda").get_paginator("list_functions").paginate()
    names = {function["FunctionName"] for page in pages for function in page["Functions"]}
    return {found for found in names if found.endswith(f"-{name}")}


def _answers(cloud: LocalCloud, path: str, stopped: threading.Event) -> set[int]:
    """Request `path` until `stopped` is set; return the statuses."""
    statuses = set()
    while not stopped.is_set():
        statuses.add(cloud.api("GET", path).status)
    return statuses


def test_a_function_may_move_to_another_area_and_answers_all_the_time(cloud: LocalCloud) -> None:
    """It moves there and back; an area without functions has no stack."""
    note, functions = _unique(), cloud.project / "functions"
    cloud.api("PUT", f"/notes/{note}", {"text": "kept"})
    source = functions / "foundation" / "samples" / "endpoints.py"
    text = source.read_text()
    moved = functions / "hub" / "samples" / "endpoints.py"
    moved.parent.mkdir(parents=True)
    for folder in (moved.parent, moved.parent.parent):
        (folder / "__init__.py").touch()
    stopped = threading.Event()
    with ThreadPoolExecutor() as pool:
        statuses = pool.submit(_answers, cloud, f"/notes/{note}", stopped)
        try:
            source.write_text(
                "".join(line for line in text.splitlines(keepends=True) if "_declare(get_note" not in line)
            )
            moved.write_text(_MOVED)
            cloud.up()
            assert _deployed(cloud, "get_note") == {"hearth-hub-get_note"}
            source.write_text(text)
            shutil.rmtree(moved.parent.parent)
            cloud.up()
            assert _deployed(cloud, "get_note") == {"hearth-foundation-get_note"}
        finally:
            stopped.set()
    # ministack replaces an API whose paths change, and its mapping a moment later; AWS changes it in place.
    assert statuses.result() - {404} == {200}
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert "hearth-hub" not in {stack["StackName"] for stack in stacks}


_ONE_STACK = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "of-the-previous-release", "AssumeRolePolicyDocument": {"Statement": []}},
        },
        "Reader": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "hearth-reader",
                "Handler": "index.handler",
                "Runtime": "python3.11",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handler(event, context):\n    return {}\n"},
            },
        },
        "ReadStream": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Reader"},
                "EventSourceArn": {"Ref": "TableStreamArn"},
                "StartingPosition": "LATEST",
            },
        },
        "ReadLetters": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": {"Ref": "Reader"}, "EventSourceArn": {"Fn::GetAtt": ["Work", "Arn"]}},
        },
        "Work": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "DeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "hearth-dead"}},
        "Alerts": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "Schedule": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(1 day)"}},
        "Build": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": "hearth-build",
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "DefinitionString": (
                    '{"StartAt": "Wait", "States": {"Wait": '
                    '{"Type": "Wait", "Timestamp": "2100-01-01T00:00:00Z", "End": true}}}'
                ),
            },
        },
    },
    "Parameters": {"TableStreamArn": {"Type": "String"}},
}
"""The resources of the single stack of a release before areas."""


def _retired(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The local cloud as a stage for `tools/deploy.py`."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aimed({}, cloud.endpoints["aws"]["endpoint"], REGION, ACCOUNT, SECRET).items():
        monkeypatch.setenv(name, value)
    return Stage("local", "hearth-data", "hearth", REGION)


def test_the_stack_of_an_older_release_goes_when_nothing_is_under_way_in_it(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins no new work, finishes the work that it had begun, and is removed only after that."""
    stage, aws = _retired(cloud, monkeypatch), LocalAws(cloud.endpoints["aws"]["endpoint"])
    stacks = Stacks(aws, tmp_path)
    stream = stacks.outputs("hearth-data")["TableStreamArn"]
    stacks.deploy("hearth", _ONE_STACK, {"TableStreamArn": stream})
    found = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in aws.cloudformation().describe_stack_resources(StackName="hearth")["StackResources"]
    }
    queues, topics, states = (cloud.client(service) for service in ("sqs", "sns", "stepfunctions"))
    execution = states.start_execution(stateMachineArn=found["Build"])["executionArn"]
    queues.send_message(QueueUrl=found["DeadLetters"], MessageBody="a notice")
    for alerts in (found["Alerts"], stacks.outputs("hearth-core")["StaffAlertsTopic"]):
        topics.subscribe(TopicArn=alerts, Protocol="email", Endpoint="both@example.com")
    topics.subscribe(TopicArn=found["Alerts"], Protocol="email", Endpoint="awake@example.com")

    PreviousRelease(stage.installation, stage.client).quiet()
    assert cloud.client("events").describe_rule(Name=found["Schedule"])["State"] == "DISABLED"
    mappings = {
        name: cloud.client("lambda").get_event_source_mapping(UUID=found[name])["State"]
        for name in ("ReadStream", "ReadLetters")
    }
    assert mappings == {"ReadStream": "Disabled", "ReadLetters": "Enabled"}

    with pytest.raises(NotFinished) as refused:
        retire(stage)
    assert str(refused.value).splitlines() == [
        "hearth-dead has 1 messages",
        "hearth-build has 1 executions that run",
        "email awake@example.com is not subscribed to the new alerts",
    ]
    states.stop_execution(executionArn=execution)
    queues.purge_queue(QueueUrl=found["DeadLetters"])
    topics.subscribe(
        TopicArn=stacks.outputs("hearth-core")["StaffAlertsTopic"], Protocol="email", Endpoint="awake@example.com"
    )
    retire(stage)
    assert not PreviousRelease(stage.installation, stage.client).exists()
    retire(stage)  # nothing is left to remove
    assert cloud.api("GET", "/notes/x").status == 200


def test_an_edited_condition_of_the_data_stack_is_brought_in(cloud: LocalCloud) -> None:
    """ministack's change sets do not see such a change."""
    template = cloud.project / "infra" / "data.yaml"
    text = template.read_text()
    template.write_text(text.replace("[!Ref Stage, local]", "[!Ref Stage, elsewhere]"))
    cloud.up()
    listed = cloud.client("cloudformation").describe_stack_resources(StackName="hearth-data")["StackResources"]
    assert "ReportsBucketPolicy" in {resource["LogicalResourceId"] for resource in listed}
    template.write_text(text)
    cloud.up()


def test_a_broken_edit_leaves_the_running_code(cloud: LocalCloud) -> None:
    """The command says what is wrong."""
    broken = cloud.project / "functions" / "broken.py"
    broken.write_text("import nothing_of_that_name\n")
    with pytest.raises(AssertionError, match="nothing_of_that_name"):
        cloud.up()
    assert cloud.api("GET", "/notes/x").status == 200
    broken.unlink()
    cloud.up()


def _processes(cloud: LocalCloud) -> list[psutil.Process]:
    recorded = json.loads((cloud.home / "processes.json").read_text())
    ours = [psutil.Process(process["pid"]) for process in recorded.values()]
    return [*ours, *[child for process in ours for child in process.children(recursive=True)]]


def _living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that still run; zombies do not count."""
    living = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                living.append(process)
        except psutil.NoSuchProcess:
            continue
    return living


def test_state_is_kept_across_down_and_up(cloud: LocalCloud) -> None:
    """Table, stream, mail and addresses stay; `down` leaves no process behind."""
    note, text = _unique(), _unique()
    cloud.api("PUT", f"/notes/{note}", {"text": "kept"})
    cloud.execute("machine-provision", _unique(), {"failures": 1})
    before, processes = cloud.endpoints, _processes(cloud)
    mails = len(request("GET", f"{before['mailbox']}/messages").json())
    cloud.run("down")
    assert not _living(processes)
    cloud.up()
    assert cloud.endpoints == before
    assert cloud.api("GET", f"/notes/{note}").json()["note"] is not None
    assert len(request("GET", f"{before['mailbox']}/messages").json()) == mails
    _put(cloud, "NOTE", text)
    eventually(lambda: _delivered(cloud, text))


def test_ctrl_c_in_the_foreground_ends_everything(cloud: LocalCloud, tmp_path: Path) -> None:
    """The whole process group gets SIGINT, as from a terminal; a second cloud can run beside the first."""
    second = LocalCloud(tmp_path / "home", cloud.project)
    command = [sys.executable, "-m", "dev.localcloud", "--home", str(second.home), "up", "--foreground"]
    running = subprocess.Popen([*command, "--project", str(second.project)], cwd=ROOT, start_new_session=True)
    eventually((second.home / "endpoints.json").exists, _START_SECONDS)
    assert second.endpoints["api"] != cloud.endpoints["api"]
    processes = _processes(second)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(30) == 0
    assert not _living(processes)
    assert not (second.home / "processes.json").exists()


def test_a_killed_supervisor_takes_its_aws_along(cloud: LocalCloud, tmp_path: Path) -> None:
    """Its children notice that their standard input has closed."""
    second = LocalCloud(tmp_path / "home", cloud.project)
    second.up()
    processes = _processes(second)
    recorded = json.loads((second.home / "processes.json").read_text())
    os.kill(recorded["supervisor"]["pid"], signal.SIGKILL)
    aws = psutil.Process(recorded["aws"]["pid"])
    aws.wait(30)
    second.run("down")
    assert not _living(processes)
