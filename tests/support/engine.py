"""A real DynamoDB engine (dynoxide) in memory: one process a test run, one fresh table a test.

The table is made from `infra/data.yaml`, so that tests run on the table that ships.
"""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import yaml
from botocore.config import Config

from tests.support.settings import TABLE_NAME

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_ROOT = Path(__file__).parents[2]
_BINARY = _ROOT / "node_modules/@dynoxide/linux-x64/dynoxide"
_START_ATTEMPTS = 5
_START_SECONDS = 10
_BATCH = 25  # DynamoDB: BatchWriteItem takes at most 25 writes
_TABLE_PROPERTIES = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")

Item = dict[str, Any]


class Engine:
    """A running engine at `url`, holding the product's table."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: DynamoDBClient = _client(url)

    def fresh_table(self) -> None:
        """Replace the table by an empty one; the name stays, and with it every open connection."""
        existing = self.client.list_tables()["TableNames"]
        if TABLE_NAME in existing:
            self.client.delete_table(TableName=TABLE_NAME)
        self.client.create_table(TableName=TABLE_NAME, **_table_properties())

    def load(self, items: Sequence[Item]) -> None:
        """Put `items`, as `items()` gave them, into the table."""
        for start in range(0, len(items), _BATCH):
            batch: Any = [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]]
            self.client.batch_write_item(RequestItems={TABLE_NAME: batch})

    def items(self) -> list[Item]:
        """Everything in the table, in the order of its keys: two that are equal say that nothing changed."""
        pages = self.client.get_paginator("scan").paginate(TableName=TABLE_NAME, ConsistentRead=True)
        items: list[Item] = [dict(item) for page in pages for item in page["Items"]]
        return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


@contextmanager
def running_engine() -> Iterator[Engine]:
    """An engine of our own on a free port of 127.0.0.1, ended with the block."""
    process, url = _started()
    try:
        yield Engine(url)
    finally:
        process.terminate()
        process.wait(timeout=_START_SECONDS)


def _started() -> tuple[subprocess.Popen[bytes], str]:
    for _ in range(_START_ATTEMPTS):  # another process may take the port between our look and the start
        port = _free_port()
        process = subprocess.Popen(
            [str(_BINARY), "serve", "--host", "127.0.0.1", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if _listens(process, port):
            return process, f"http://127.0.0.1:{port}"
        process.kill()
        process.wait()
    raise RuntimeError(f"{_BINARY} did not start; is `npm install` done?")


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether `process` accepts connections on `port` before its time is up."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _client(url: str) -> "DynamoDBClient":
    config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
    return boto3.client("dynamodb", endpoint_url=url, config=config)


@cache
def _table_properties() -> dict[str, Any]:
    """What CreateTable takes, of the data stack's table."""
    template = yaml.load((_ROOT / "infra/data.yaml").read_text(), _CloudFormationLoader)
    properties = template["Resources"]["Table"]["Properties"]
    return {name: properties[name] for name in _TABLE_PROPERTIES}


class _CloudFormationLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short intrinsic functions, which nothing that is read here depends on."""


_CloudFormationLoader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix}")
