"""The services of AWS that answer one caller at a time are played by moto, inside this process.

Adapters run unchanged, through boto3 or botocore and the services' own protocols. Where transactions or several
callers at once matter, real engines stand in: DynamoDB's (`tests.support.engine`), the local cloud
(`tests.support.cloud`).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import boto3
import requests

from chalicelib.adapters.aws import clients, files
from chalicelib.adapters.shared import aws as shared
from tests.support.settings import ACCOUNT, REGION, value_of

_HOSTS: Final = {
    "KMS": "kms",
    "S3": "s3",
    "SECRETS_MANAGER": "secretsmanager",
    "SES": "email",
    "SFN": "states",
    "SNS": "sns",
    "SQS": "sqs",
}
"""What boto3's endpoint variables call each service that is played, and the first word of its host."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the bucket."""

    content: bytes
    content_type: str


class PlayedAws:
    """An account with what the stacks make: a key, a bucket, queues, a topic, an address to send mail from."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        """The operation and the parameters of each call since the test began; a call that boto3 repeats is one."""
        self._touched: set[str] = set(_FURNISH)

    def asked(self, operation: str) -> list[Mapping[str, Any]]:
        """The parameters of each call of an operation, such as `SendEmail`."""
        return [parameters for name, parameters in self.calls if name == operation]

    @property
    def files(self) -> dict[str, StoredFile]:
        """What lies in the reports bucket, by key."""
        s3, bucket = boto3.client("s3"), value_of("REPORTS_BUCKET")
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
        found = {key: s3.get_object(Bucket=bucket, Key=key) for key in keys}
        return {key: StoredFile(file["Body"].read(), file["ContentType"]) for key, file in found.items()}

    def download(self, link: str) -> StoredFile:
        """What anybody gets who follows a link into the bucket."""
        answer = requests.get(link, timeout=5)
        answer.raise_for_status()
        return StoredFile(answer.content, answer.headers["Content-Type"])

    @property
    def alerts(self) -> list[tuple[str, str]]:
        """The subject and the text of each message to the staff's topic."""
        return [(sent["Subject"], sent["Message"]) for sent in self.asked("Publish")]

    def record(self, **call: Any) -> None:
        """Note a call that botocore is about to make."""
        self.calls.append((call["model"].name, dict(call["params"])))
        self._touched.add(call["model"].service_model.service_name)

    def begin_anew(self) -> None:
        """Leave nothing behind of the services that the last test used, but for keys.

        What is sealed in a table that is put back must still open.
        """
        from moto.backends import get_backend

        for service in self._touched & _FURNISH.keys():
            if service != "kms":
                for backend in get_backend(service).values():
                    backend.reset()
                _FURNISH[service]()
        self.calls.clear()
        self._touched.clear()


def _make_key() -> None:
    kms = boto3.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=value_of("SECRET_BOX_KEY_ID"), TargetKeyId=key_id)


def _make_bucket() -> None:
    where: Any = {"LocationConstraint": REGION}
    boto3.client("s3").create_bucket(Bucket=value_of("REPORTS_BUCKET"), CreateBucketConfiguration=where)


def _make_queues() -> None:
    for name in ("METERING_QUEUE_URL", "NOTICE_QUEUE_URL", "NOTICE_DEAD_LETTERS_URL"):
        boto3.client("sqs").create_queue(QueueName=value_of(name).rpartition("/")[2])


def _make_topic() -> None:
    boto3.client("sns").create_topic(Name=value_of("STAFF_ALERTS_TOPIC_ARN").rpartition(":")[2])


def _verify_sender() -> None:
    boto3.client("ses").verify_domain_identity(Domain=value_of("MAIL_SENDER").rpartition("@")[2].rstrip(">"))


_FURNISH: Final[Mapping[str, Callable[[], None]]] = {
    "kms": _make_key,
    "s3": _make_bucket,
    "secretsmanager": lambda: None,
    "ses": _verify_sender,
    "sns": _make_topic,
    "sqs": _make_queues,
    "stepfunctions": lambda: None,
}
"""By boto3's and moto's name of each service that is played: makes what the account has of it."""


def play_aws() -> PlayedAws:
    """Let boto3 find the played account until `leave_aws`."""
    os.environ.update(_endpoints())
    aws = _started()
    aws.begin_anew()
    return aws


def leave_aws() -> None:
    """Let boto3 find nothing but what the environment of the tests names, as before `play_aws`."""
    for variable in _endpoints():
        os.environ.pop(variable, None)
    for module in (clients, files):
        for part in vars(module).values():
            if hasattr(part, "cache_clear"):
                part.cache_clear()


def _endpoints() -> Mapping[str, str]:
    hosts = {variable: f"https://{host}.{REGION}.amazonaws.com" for variable, host in _HOSTS.items()}
    return {f"AWS_ENDPOINT_URL_{variable}": host for variable, host in hosts.items()}


@cache
def _started() -> PlayedAws:
    """Start moto, which takes most of a second, for all further tests of this process.

    It answers requests to hosts of AWS only; those to this machine (DynamoDB's engine, simulators) pass it by.
    """
    from moto import mock_aws

    mock_aws(
        config={
            "core": {
                "mock_credentials": False,
                "passthrough": {"urls": [r"https?://127\.0\.0\.1\b"]},
                "service_whitelist": [*_FURNISH],
            }
        }
    ).start()
    aws = PlayedAws()
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    _make_key()
    boto3.DEFAULT_SESSION.events.register("before-parameter-build", aws.record)
    shared.session.cache_clear()  # one from before moto began would pass it by
    shared.session().register("before-parameter-build", aws.record)
    return aws
