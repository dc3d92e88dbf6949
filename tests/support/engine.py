"""A real DynamoDB engine in memory: one process for each test run, and a new table for each test.

`programs.py` selects the program. The table is made from `infra/data.yaml`, as in production.
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
"""Below the ports that systems give to clients, so that a free one stays free while an engine restarts."""
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
"""The engine requires a signature, but does not check it."""

Item = dict[str, Any]
"""An item in DynamoDB's JSON, with the type of each value; bytes are in Base64, as in stream records."""
Record = dict[str, Any]
"""A record of the table's stream."""


class Engine:
    """A running engine at `url`, holding the product's table.

    Frequent calls do not use boto3, which takes longer to parse an answer than the engine takes to give it.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._process, self._port = _started(program)
        self._is_followed = False
        self.url = f"http://{HOST}:{self._port}"
        self.client: DynamoDBClient = _client(self.url)
        self.tables_made = 0
        """The number of the table, which grows with each new one."""
        self._connections = urllib3.PoolManager(maxsize=4, timeout=_CALL_SECONDS)

    def fresh_table(self) -> None:
        """Replace the table by an empty one with the same name and URL.

        If the table was followed and the engine searches all stream records at each write, the engine is
        restarted, which takes milliseconds.
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
        """Put `items`, in the form of `items()`, into the table."""
        self._write({"PutRequest": {"Item": item}} for item in items)

    def remove(self, items: Iterable[Item]) -> None:
        """Remove `items` from the table."""
        self._write({"DeleteRequest": {"Key": {name: item[name] for name in ("pk", "sk")}}} for item in items)

    def items(self) -> list[Item]:
        """All items of the table in the order of their keys; two equal results mean that nothing changed."""
        items: list[Item] = []
        start: Item = {}
        while True:
            page = self._call("Scan", {"TableName": TABLE_NAME, "ConsistentRead": True, **start})
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return sorted(items, key=_key)
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def follow(self) -> "Stream":
        """Switch on the table's stream, and return it."""
        self._is_followed = True
        specification = {"StreamEnabled": True, **_table_properties()["StreamSpecification"]}
        changed = self._call("UpdateTable", {"TableName": TABLE_NAME, "StreamSpecification": specification})
        arn = changed["TableDescription"]["LatestStreamArn"]
        described = self._call("DescribeStream", {"StreamArn": arn}, api=_STREAMS)["StreamDescription"]
        (shard,) = described["Shards"]
        latest = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST"}
        return Stream(self._call, self._call("GetShardIterator", latest, api=_STREAMS)["ShardIterator"])

    def stop(self) -> None:
        """End the process; its data is lost."""
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
    """The changes of a table since the last call."""

    def __init__(self, call: Callable[..., Any], iterator: str) -> None:
        self._call = call
        self._iterator = iterator

    def records(self) -> list[Record]:
        """Every change since the last call, in order."""
        found: list[Record] = []
        while True:
            answer = self._call("GetRecords", {"ShardIterator": self._iterator}, api=_STREAMS)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                return found
            found += answer["Records"]


@dataclass(frozen=True)
class Change:
    """An item before and after a change; None if it did not, or does not, exist."""

    before: Item | None
    after: Item | None

    @property
    def item(self) -> Item:
        """The present item or, if it was deleted, its last state."""
        return self.after or self.before or {}


class Snapshot:
    """The content of the table at one time. Restoring it takes time for changed items only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._items = {_key(item): item for item in engine.items()}
        self._follow()

    def changes(self) -> list[Change]:
        """The items that differ from the snapshot."""
        for record in self._stream.records():
            images = record["dynamodb"]
            key = _key(images["Keys"])
            self._changed[key] = Change(self._items.get(key), images.get("NewImage"))
        return [change for change in self._changed.values() if change.before != change.after]

    def restore(self) -> None:
        """Restore the table to this content."""
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
    """Run an engine on a free port until the block ends: `program`, or that of the test run."""
    engine = Engine(program or programs.chosen())
    try:
        yield engine
    finally:
        engine.stop()


def _started(program: Program) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(_START_ATTEMPTS):  # another process may take the port between the check and the start
        port = random.choice(_PORTS)
        if _is_free(port) and (process := _listening(program, port)):
            return process, port
    raise RuntimeError(f"{program.name} did not start: {' '.join(program.command)}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def _listening(program: Program, port: int) -> subprocess.Popen[bytes] | None:
    """An engine that accepts connections on `port`; None if it ends, or does not accept them in time."""
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
    """The properties of the data stack's table."""
    template = yaml.load((ROOT / "infra/data.yaml").read_text(), _CloudFormationLoader)
    properties: dict[str, Any] = template["Resources"]["Table"]["Properties"]
    return properties


class _CloudFormationLoader(yaml.SafeLoader):
    """Loads YAML and ignores CloudFormation's short intrinsic functions, which are not needed here."""


_CloudFormationLoader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")
