"""The adapters of AWS services, on moto's simulation of the services' protocols."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import machines
from chalicelib.adapters.aws.dead_letters import DeadLetterQueue, SqsDeadLetters
from chalicelib.adapters.aws.encryption import KmsBox
from chalicelib.adapters.aws.queues import SqsMeteringQueue, SqsNoticeQueue
from chalicelib.adapters.aws.secrets import secret_text
from chalicelib.adapters.aws.workflows import StepFunctionsWorkflows
from chalicelib.domain.cloud.deployments.models import Operation, OperationStatus, OperationType
from chalicelib.domain.cloud.deployments.ports import ExecutionState
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.wiring.app import app
from tests.support.aws import PlayedAws
from tests.support.clock import START
from tests.support.settings import ACCOUNT, value_of

ROOT = Path(__file__).parents[3]
METERING = value_of("METERING_QUEUE_URL")
NOTICES = value_of("NOTICE_QUEUE_URL")
DEAD = value_of("NOTICE_DEAD_LETTERS_URL")
OWNER = "usr_ada"
SECRET = "JBSWY3DPEHPK3PXP"


@pytest.mark.guarantee("G46")
@pytest.mark.usefixtures("aws")
class TestTheSecretBox:
    def test_g46_what_is_sealed_opens_for_its_owner(self) -> None:
        box = app().foundation.secret_box
        sealed = box.seal(SECRET, OWNER)
        assert SECRET not in sealed
        assert box.open(sealed, OWNER) == SECRET

    def test_g46_it_opens_for_nobody_else(self) -> None:
        box = app().foundation.secret_box
        sealed = box.seal(SECRET, OWNER)
        with pytest.raises(ClientError, match="InvalidCiphertextException"):
            box.open(sealed, "usr_bob")

    def test_g46_it_opens_with_no_other_key(self) -> None:
        sealed = app().foundation.secret_box.seal(SECRET, OWNER)
        other = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        with pytest.raises(ClientError):  # KMS answers IncorrectKeyException, moto AccessDeniedException
            KmsBox(other).open(sealed, OWNER)

    def test_g46_the_same_secret_is_sealed_anew_each_time(self) -> None:
        box = app().foundation.secret_box
        assert box.seal(SECRET, OWNER) != box.seal(SECRET, OWNER)


def received(queue_url: str) -> list[Mapping[str, Any]]:
    """The waiting messages of a queue, parsed as JSON."""
    answer = boto3.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", ())]


class TestQueues:
    def test_a_shard_is_handed_over_or_held_back(self, aws: PlayedAws) -> None:
        queue = SqsMeteringQueue(METERING)
        queue.send(3)
        queue.send(4, delay_seconds=60)
        assert received(METERING) == [{"shard": 3}]
        assert [sent["DelaySeconds"] for sent in aws.asked("SendMessage")] == [0, 60]

    @pytest.mark.usefixtures("aws")
    def test_a_notice_is_handed_over(self) -> None:
        SqsNoticeQueue(NOTICES).send("stripe", "pi_1", None)
        assert received(NOTICES) == [{"gateway": "stripe", "providerId": "pi_1", "reference": None}]


@pytest.mark.usefixtures("aws")
class TestDeadNotices:
    @pytest.fixture
    def dead(self) -> SqsDeadLetters:
        return SqsDeadLetters({"book_notice": DeadLetterQueue.behind(NOTICES, DEAD)})

    def put(self, number: int) -> None:
        body = {"gateway": "stripe", "providerId": f"pi_{number}", "reference": None}
        boto3.client("sqs").send_message(QueueUrl=DEAD, MessageBody=json.dumps(body))

    def test_they_are_counted_and_looked_at_without_being_taken(self, dead: SqsDeadLetters) -> None:
        assert dead.count("book_notice") == 0
        for number in range(3):
            self.put(number)
        seen = [{letter.content["providerId"] for letter in dead.peek("book_notice", 50)} for _ in range(2)]
        assert seen == [{"pi_0", "pi_1", "pi_2"}] * 2
        assert dead.peek("book_notice", 1)[0].content["gateway"] == "stripe"
        assert dead.count("book_notice") == 3

    def test_they_are_replayed_and_are_no_longer_dead(self, dead: SqsDeadLetters) -> None:
        for number in range(3):
            self.put(number)
        assert dead.replay("book_notice", 2) == 2
        assert dead.count("book_notice") == 1
        assert len(received(NOTICES)) == 2


class TestAlerts:
    def test_they_reach_subscribers_with_a_valid_subject(self, aws: PlayedAws) -> None:
        arn = boto3.client("sqs").get_queue_attributes(QueueUrl=NOTICES, AttributeNames=["QueueArn"])
        boto3.client("sns").subscribe(
            TopicArn=value_of("STAFF_ALERTS_TOPIC_ARN"), Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
        )
        app().foundation.staff_alerts.send("x" * 150, "")
        (alert,) = received(NOTICES)
        assert (alert["Subject"], alert["Message"]) == ("x" * 100, "x" * 150)
        assert aws.alerts == [("x" * 100, "x" * 150)]


@pytest.mark.usefixtures("aws")
class TestWorkflows:
    @pytest.fixture
    def workflows(self) -> StepFunctionsWorkflows:
        """The product's adapter, with the state machines of the stacks."""
        for name in (machines.PROVISION, machines.DELETE, machines.POWER, machines.BALANCE_WATCH):
            stem = name.split("-", 1)[1].replace("-", "_")
            definition = (ROOT / "state_machines" / f"{stem}.asl.json").read_text()
            boto3.client("stepfunctions").create_state_machine(
                name=f"{value_of('STATE_MACHINE_ARN_PREFIX').rpartition(':')[2]}{name}",
                definition=definition,
                roleArn=f"arn:aws:iam::{ACCOUNT}:role/machines",
            )
        return app().cloud.workflows

    @pytest.mark.parametrize("type_", list(OperationType))
    def test_an_attempt_runs_once_until_it_is_ended(
        self, workflows: StepFunctionsWorkflows, type_: OperationType
    ) -> None:
        attempt = operation(type_)
        assert workflows.state(attempt) is ExecutionState.ABSENT
        workflows.stop(attempt)
        for _ in range(2):
            workflows.start(attempt)
            assert workflows.state(attempt) is ExecutionState.RUNNING
        assert workflows.state(replace(attempt, attempt=2)) is ExecutionState.ABSENT
        workflows.stop(attempt)
        assert workflows.state(attempt) is ExecutionState.ENDED
        workflows.start(attempt)
        assert workflows.state(attempt) is ExecutionState.ENDED, "one that has ended is not begun again"

    def test_its_input_is_the_ticket(self, workflows: StepFunctionsWorkflows, aws: PlayedAws) -> None:
        workflows.start(operation(OperationType.CREATE))
        (started,) = aws.asked("StartExecution")
        assert started["name"] == "op_1-1"
        ticket = {"customerId": "cus_1", "deploymentId": "dep_1", "operationId": "op_1", "fence": 7}
        assert json.loads(started["input"]) == ticket

    def test_a_watch_waits_once_and_only_for_a_moment(
        self, workflows: StepFunctionsWorkflows, aws: PlayedAws
    ) -> None:
        workflows.start_watch(Watch("cus_1", 4))
        assert aws.asked("StartExecution") == []
        for _ in range(2):
            workflows.start_watch(Watch("cus_1", 4, wakes_at=START))
        started = aws.asked("StartExecution")[0]
        assert started["name"] == "cus_1-4"
        assert json.loads(started["input"])["progress"] == {"wakesAt": "2031-05-04T12:00:30.000000Z"}


def operation(type_: OperationType) -> Operation:
    """An operation on a deployment."""
    return Operation("op_1", "cus_1", "dep_1", type_, OperationStatus.PENDING, START, START, fence=7)


@pytest.mark.usefixtures("aws")
def test_a_secret_is_read_as_it_is_now() -> None:
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="providers", SecretString="old")
    secrets.put_secret_value(SecretId="providers", SecretString="new")
    assert secret_text("providers") == "new"
