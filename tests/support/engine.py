"""A real DynamoDB engine in memory: one process a test run, one fresh table a test.

`programs.py` says which program it is. The table is made from `infra/data.yaml`, so tests run on what ships.
"""

import json
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
import urllib3
import yaml
from botocore.config import Config

from tests.support import programs
from tests.support.programs import HOST, ROOT, Program
from tests.support.settings import TABLE_NAME

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_START_ATTEMPTS = 5
_START_SECONDS = 30
_PORTS = range(15_000, 32_000)
"""Below those that systems give to clients: one that is free stays so while an engine restarts."""
_BATCH = 25  # DynamoDB: BatchWriteItem takes at most 25 writes
_CREATED_WITH = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
_CALL_SECONDS = 10
_TABLES = "DynamoDB_20120810"
_STREAMS = "DynamoDBStreams_20120810"
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/test/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=none",
}
"""The engine wants a signature and does not check it."""

Item = dict[str, Any]
"""As DynamoDB writes it, with each value's type; bytes are in Base64, as a stream's reader gets them."""
Record = dict[str, Any]
"""A change, as the table's stream tells of it."""


class Engine:
    """A running engine at `url`, holding the product's table.

    What tests do a thousand times goes round boto3, which takes longer to read an answer than the engine gives it.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._process, self._port = _started(program)
        self._is_followed = False
        self.url = f"http://{HOST}:{self._port}"
        self.client: DynamoDBClient = _client(self.url)
        self.tables_made = 0
        """Tells one table from the one before."""
        self._connections = urllib3.PoolManager(maxsize=4, timeout=_CALL_SECONDS)

    def fresh_table(self) -> None:
        """Replace the table by an empty one, under the same name and at the same URL.

        A followed one goes with its engine where that keeps a stream's records for ever and looks through all of
        them at each write; such an engine starts within milliseconds.
        """
        if self._is_followed and self._program.is_slowed_by_streams:
            self._restart()
        elif TABLE_NAME in self._call("ListTables", {})["TableNames"]:
            self._call("DeleteTable", {"TableName": TABLE_NAME})
        properties = {name: _table_properties()[name] for name in _CREATED_WITH}
        self._call("CreateTable", {"TableName": TABLE_NAME, **properties})
        self._is_followed = False
        self.tables_made += 1

    def load(self, items: Iterable[Item]) -> None:
        """Put `items`, as `items()` gave them, into the table."""
        self._write({"PutRequest": {"Item": item}} for item in items)

    def remove(self, items: Iterable[Item]) -> None:
        """Remove `items` from the table."""
        self._write({"DeleteRequest": {"Key": {name: item[name] for name in ("pk", "sk")}}} for item in items)

    def items(self) -> list[Item]:
        """Everything in the table, in the order of its keys: two that are equal say that nothing changed."""
        items: list[Item] = []
        start: Item = {}
        while True:
            page = self._call("Scan", {"TableName": TABLE_NAME, "ConsistentRead": True, **start})
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return sorted(items, key=_key)
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def follow(self) -> "Stream":
        """The table's stream, from now on; it is not there before."""
        self._is_followed = True
        specification = {"StreamEnabled": True, **_table_properties()["StreamSpecification"]}
        changed = self._call("UpdateTable", {"TableName": TABLE_NAME, "StreamSpecification": specification})
        arn = changed["TableDescription"]["LatestStreamArn"]
        described = self._call("DescribeStream", {"StreamArn": arn}, api=_STREAMS)["StreamDescription"]
        (shard,) = described["Shards"]
        latest = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST"}
        return Stream(self._call, self._call("GetShardIterator", latest, api=_STREAMS)["ShardIterator"])

    def stop(self) -> None:
        """End the process; everything in it is forgotten."""
        self._process.kill()
        self._process.wait(timeout=_START_SECONDS)

    def _restart(self) -> None:
        self.stop()
        process = _listening(self._program, self._port)
        assert process, f"the engine did not come back on port {self._port}"
        self._process = process

    def _write(self, requests: Iterable[Item]) -> None:
        waiting = list(requests)
        for start in range(0, len(waiting), _BATCH):
            batch = {TABLE_NAME: waiting[start : start + _BATCH]}
            left = self._call("BatchWriteItem", {"RequestItems": batch})["UnprocessedItems"]
            assert not left, left

    def _call(self, operation: str, request: Mapping[str, Any], api: str = _TABLES) -> Any:
        headers = {**_HEADERS, "X-Amz-Target": f"{api}.{operation}"}
        answer = self._connections.request("POST", self.url, body=json.dumps(request), headers=headers)
        assert answer.status == HTTPStatus.OK, f"{operation}: {answer.data.decode()}"
        return answer.json()


class Stream:
    """The changes of a table since its follower asked last."""

    def __init__(self, call: Callable[..., Any], iterator: str) -> None:
        self._call = call
        self._iterator = iterator

    def records(self) -> list[Record]:
        """Every change since this was asked last, in their order."""
        found: list[Record] = []
        while True:
            answer = self._call("GetRecords", {"ShardIterator": self._iterator}, api=_STREAMS)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                return found
            found += answer["Records"]


@dataclass(frozen=True)
class Change:
    """An item before and after; nothing where there was, or is, none."""

    before: Item | None
    after: Item | None

    @property
    def item(self) -> Item:
        """The item as it is, or as it was last."""
        return self.after or self.before or {}


class Snapshot:
    """What the table holds at the time, to go back to at the price of what was changed since."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._items = {_key(item): item for item in engine.items()}
        self._follow()

    def changes(self) -> list[Change]:
        """What is otherwise than it was; what was changed and changed back is not."""
        for record in self._stream.records():
            images = record["dynamodb"]
            key = _key(images["Keys"])
            self._changed[key] = Change(self._items.get(key), images.get("NewImage"))
        return [change for change in self._changed.values() if change.before != change.after]

    def restore(self) -> None:
        """Let the table hold that again, and nothing else."""
        if self._engine.tables_made != self._table:
            self._engine.fresh_table()
            self._engine.load(self._items.values())
            self._follow()
            return
        changes = self.changes()
        self._engine.load(change.before for change in changes if change.before)
        self._engine.remove(change.after for change in changes if change.after and not change.before)
        self._stream.records()
        self._changed.clear()

    def _follow(self) -> None:
        self._table = self._engine.tables_made
        self._stream = self._engine.follow()
        self._changed: dict[tuple[str, str], Change] = {}


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


@contextmanager
def running_engine(program: Program | None = None) -> Iterator[Engine]:
    """An engine of our own on a free port, ended with the block: `program`, or the one of this test run."""
    engine = Engine(program or programs.chosen())
    try:
        yield engine
    finally:
        engine.stop()


def _started(program: Program) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(_START_ATTEMPTS):  # another process may take the port between our look and the start
        port = random.choice(_PORTS)
        if _is_free(port) and (process := _listening(program, port)):
            return process, port
    raise RuntimeError(f"{program.name} did not start: {' '.join(program.command)}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def _listening(program: Program, port: int) -> subprocess.Popen[bytes] | None:
    """An engine that accepts connections on `port`; None if it ends, or its time is up, before it does."""
    process = program.start(port)
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if not _is_free(port):
            return process
        time.sleep(0.005)
    process.kill()
    process.wait()
    return None


def _client(url: str) -> "DynamoDBClient":
    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
    return boto3.client("dynamodb", endpoint_url=url, config=config)


@cache
def _table_properties() -> dict[str, Any]:
    """The data stack's table."""
    template = yaml.load((ROOT / "infra/data.yaml").read_text(), _CloudFormationLoader)
    properties: dict[str, Any] = template["Resources"]["Table"]["Properties"]
    return properties


class _CloudFormationLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short intrinsic functions, which nothing that is read here depends on."""


_CloudFormationLoader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")
