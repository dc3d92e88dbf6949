"""AWS services that serve one caller at a time, simulated by moto inside this process.

Adapters run unchanged, through boto3 or botocore and the services' protocols. Where transactions or several
simultaneous callers matter, tests use real engines: a DynamoDB engine (`tests.support.engine`), or the local cloud
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
"""For each simulated service: its name in boto3's endpoint variables, and the first word of its host."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the bucket."""

    content: bytes
    content_type: str


class PlayedAws:
    """An account with the resources of the stacks: a key, a bucket, queues, a topic, a mail sender."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        """The operation and the parameters of each call since the test began; boto3's retries are not counted."""
        self._touched: set[str] = set(_FURNISH)

    def asked(self, operation: str) -> list[Mapping[str, Any]]:
        """The parameters of each call of an operation, such as `SendEmail`."""
        return [parameters for name, parameters in self.calls if name == operation]

    @property
    def files(self) -> dict[str, StoredFile]:
        """The files in the reports bucket, by key."""
        s3, bucket = boto3.client("s3"), value_of("REPORTS_BUCKET")
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
        found = {key: s3.get_object(Bucket=bucket, Key=key) for key in keys}
        return {key: StoredFile(file["Body"].read(), file["ContentType"]) for key, file in found.items()}

    def download(self, link: str) -> StoredFile:
        """Download a file of the bucket by its link."""
        answer = requests.get(link, timeout=5)
        answer.raise_for_status()
        return StoredFile(answer.content, answer.headers["Content-Type"])

    @property
    def alerts(self) -> list[tuple[str, str]]:
        """The subject and the text of each message to the staff's alert topic."""
        return [(sent["Subject"], sent["Message"]) for sent in self.asked("Publish")]

    def record(self, **call: Any) -> None:
        """Record a call before botocore makes it."""
        self.calls.append((call["model"].name, dict(call["params"])))
        self._touched.add(call["model"].service_model.service_name)

    def begin_anew(self) -> None:
        """Remove everything that the last test made in these services, except keys.

        Secrets in a restored table must still open.
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
"""For each simulated service, by its name in boto3 and moto: a function that makes its resources."""


def play_aws() -> PlayedAws:
    """Direct boto3 to the simulated account until `leave_aws`."""
    os.environ.update(_endpoints())
    aws = _started()
    aws.begin_anew()
    return aws


def leave_aws() -> None:
    """Direct boto3 to the endpoints in the environment of the tests, as before `play_aws`."""
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
    """Start moto, which takes most of a second, for all later tests of this process.

    It only answers requests to AWS hosts; requests to this machine (DynamoDB engine, simulators) go on unchanged.
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
    shared.session.cache_clear()  # a client that was made before moto started would not use it
    shared.session().register("before-parameter-build", aws.record)
    return aws
