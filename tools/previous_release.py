"""Removes the single stack of releases before areas, which had everything but the data.

Its name is the installation's, and all names in it begin with that name, so that none of them collides with names
in today's stacks. Until it is removed, it answers at its own addresses: the API's, and the function URLs that
payment gateways call. Its schedules and its readers of the table's stream are stopped once the new stacks are
deployed. The messages in its queues are still processed, and the executions of its state machines run to their
end. It has no data.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

_WAITS_FOR_DAYS = "-balance-watch"
"""Executions of this state machine wait for a customer's next moment. The new stacks start their own for it."""
_MESSAGES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class PreviousRelease:
    """The stack of a release before areas, in the account and region of the clients that `client` creates."""

    def __init__(self, installation: str, client: Callable[[str], Any]) -> None:
        self._stack = installation
        self._client = client

    def exists(self) -> bool:
        """Whether the stack exists."""
        cloudformation = self._client("cloudformation")
        try:
            cloudformation.describe_stacks(StackName=self._stack)
        except cloudformation.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            return False
        return True

    def quiet(self) -> None:
        """Stop its schedules, and its readers of the table's stream; safe to repeat."""
        events, functions = self._client("events"), self._client("lambda")
        for rule in self._resources("AWS::Events::Rule"):
            events.disable_rule(Name=rule.rpartition("|")[2])
        for mapping in self._resources("AWS::Lambda::EventSourceMapping"):
            source = functions.get_event_source_mapping(UUID=mapping)["EventSourceArn"]
            if ":dynamodb:" in source:
                functions.update_event_source_mapping(UUID=mapping, Enabled=False)

    def unfinished(self) -> list[str]:
        """A sentence for each queue with messages, and for each state machine with running executions."""
        return [*self._queues_with_messages(), *self._machines_at_work()]

    def unheard(self, topic_arn: str) -> list[str]:
        """The subscribers of its alerts who have not subscribed to the topic `topic_arn`."""
        return sorted(
            f"{protocol} {endpoint}"
            for topic in self._resources("AWS::SNS::Topic")
            for protocol, endpoint in self._subscribers(topic) - self._subscribers(topic_arn)
        )

    def remove(self) -> None:
        """Delete it, and wait until it is gone."""
        states = self._client("stepfunctions")
        for machine in self._resources("AWS::StepFunctions::StateMachine"):
            for execution in self._running(machine):
                states.stop_execution(executionArn=execution, cause="its release was removed")
        cloudformation = self._client("cloudformation")
        cloudformation.delete_stack(StackName=self._stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=self._stack, WaiterConfig={"Delay": 2})

    def _queues_with_messages(self) -> Iterator[str]:
        queues = self._client("sqs")
        for url in self._resources("AWS::SQS::Queue"):
            found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=list(_MESSAGES))["Attributes"]
            if count := sum(int(found[name]) for name in _MESSAGES):
                yield f"{url.rpartition('/')[2]} has {count} messages"

    def _machines_at_work(self) -> Iterator[str]:
        for machine in self._resources("AWS::StepFunctions::StateMachine"):
            if not machine.endswith(_WAITS_FOR_DAYS) and (count := len(list(self._running(machine)))):
                yield f"{machine.rpartition(':')[2]} has {count} executions that run"

    def _running(self, machine: str) -> Iterator[str]:
        pages = self._client("stepfunctions").get_paginator("list_executions")
        for page in pages.paginate(stateMachineArn=machine, statusFilter="RUNNING"):
            yield from (execution["executionArn"] for execution in page["executions"])

    def _subscribers(self, topic_arn: str) -> set[tuple[str, str]]:
        pages = self._client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        return {(found["Protocol"], found["Endpoint"]) for page in pages for found in page["Subscriptions"]}

    def _resources(self, kind: str) -> list[str]:
        """The physical ids of its resources of one kind."""
        return [found["PhysicalResourceId"] for found in self._all if found["ResourceType"] == kind]

    @cached_property
    def _all(self) -> list[dict[str, Any]]:
        pages = self._client("cloudformation").get_paginator("list_stack_resources")
        return [
            found for page in pages.paginate(StackName=self._stack) for found in page["StackResourceSummaries"]
        ]
