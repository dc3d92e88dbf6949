"""`Probe`s of the services of AWS.

Clients are made with the probes and not in their threads: boto3 makes them from a session that is not safe
among threads (boto3's guide, "Multithreading or multiprocessing with clients").
"""

from collections.abc import Callable, Sequence

import boto3
from botocore.config import Config

from chalicelib.domain.foundation.health.ports import Probe

_BOUNDS = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 1})
"""Longer than anybody waits: who is late is asked again only after that."""


class SecretReader:
    """Reads secrets anew each time."""

    def __init__(self) -> None:
        self._client = boto3.client("secretsmanager", config=_BOUNDS)

    def read(self, secret_id: str) -> str:
        """The current value of `secret_id`."""
        return self._client.get_secret_value(SecretId=secret_id)["SecretString"]


class StateMachinesProbe:
    """Describes the state machine that builds machines."""

    name = "state-machines"

    def __init__(self, machine_arn: str) -> None:
        self._client = boto3.client("stepfunctions", config=_BOUNDS)
        self._machine_arn = machine_arn

    def ask(self) -> Sequence[Probe]:
        """Ask; see `Probe.ask`."""
        self._client.describe_state_machine(stateMachineArn=self._machine_arn)
        return ()


class MailProbe:
    """Reads how much mail may be sent."""

    name = "mail"

    def __init__(self) -> None:
        self._client = boto3.client("ses", config=_BOUNDS)

    def ask(self) -> Sequence[Probe]:
        """Ask; see `Probe.ask`."""
        self._client.get_send_quota()
        return ()


class SigningKeyProbe:
    """Reads the key that signs access tokens, and forgets it."""

    name = "signing-key"

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    def ask(self) -> Sequence[Probe]:
        """Ask; see `Probe.ask`."""
        self._read()
        return ()
