"""`Probe`s of AWS services.

A probe creates its client in its constructor, not in the thread that runs it: boto3 creates clients from a session
that is not thread-safe (boto3's guide, "Multithreading or multiprocessing with clients").
"""

from collections.abc import Sequence

import boto3
from botocore.config import Config

from chalicelib.domain.foundation.health.ports import Probe

_BOUNDS = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 1})
"""Longer than the health check waits for an answer; a late probe runs again only after that."""


class SecretReader:
    """Reads secrets, without a cache."""

    def __init__(self) -> None:
        self._client = boto3.client("secretsmanager", config=_BOUNDS)

    def read(self, secret_id: str) -> str:
        """The current value of `secret_id`."""
        return self._client.get_secret_value(SecretId=secret_id)["SecretString"]


class StateMachinesProbe:
    """Describes the state machine that provisions deployments."""

    name = "state-machines"

    def __init__(self, machine_arn: str) -> None:
        self._client = boto3.client("stepfunctions", config=_BOUNDS)
        self._machine_arn = machine_arn

    def ask(self) -> Sequence[Probe]:
        """Probe the service; see `Probe.ask`."""
        self._client.describe_state_machine(stateMachineArn=self._machine_arn)
        return ()


class MailProbe:
    """Reads the quota for sending mail."""

    name = "mail"

    def __init__(self) -> None:
        self._client = boto3.client("ses", config=_BOUNDS)

    def ask(self) -> Sequence[Probe]:
        """Probe the service; see `Probe.ask`."""
        self._client.get_send_quota()
        return ()


class SigningKeyProbe:
    """Describes the secret that signs access tokens, which only sign-in may read."""

    name = "signing-key"

    def __init__(self, secret_id: str) -> None:
        self._client = boto3.client("secretsmanager", config=_BOUNDS)
        self._secret_id = secret_id

    def ask(self) -> Sequence[Probe]:
        """Probe the service; see `Probe.ask`."""
        self._client.describe_secret(SecretId=self._secret_id)
        return ()
