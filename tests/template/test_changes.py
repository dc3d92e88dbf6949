"""Consumers of changes in the template: their queues, dead letters and alarms; the relay and its filters."""

import json
from typing import Any

import pytest

from chalicelib.adapters.files.subscriptions import read_subscriptions
from chalicelib.domain.foundation.changes.models import Event, Subscription
from tests.template.declared import Declared, declared
from tests.template.projects import Packaged
from tools.template import changes

Properties = dict[str, Any]

MOST_FILTERS = 5
"""Lambda's default quota for one event source."""


def consumers_of(packaged: Packaged) -> list[Declared]:
    found = [function for function in declared(packaged.project) if function["kind"] == "Changes"]
    assert found
    return found


def source_of(packaged: Packaged, consumer: Declared) -> Properties:
    """The event source mapping of a function."""
    mappings = packaged.of_type("AWS::Lambda::EventSourceMapping").values()
    (found,) = [mapping for mapping in mappings if mapping["FunctionName"] == {"Ref": consumer["logical_id"]}]
    return found


def queue_of(packaged: Packaged, consumer: Declared) -> tuple[str, Properties]:
    """The queue of a consumer, by its logical id in the core stack."""
    name = source_of(packaged, consumer)["EventSourceArn"]["Ref"].removesuffix("Arn")
    return name, packaged.of_type("AWS::SQS::Queue")["core", name]


def dead_letters_of(packaged: Packaged, consumer: Declared) -> tuple[str, Properties]:
    """The dead-letter queue of a consumer, by its logical id in the core stack."""
    _, queue = queue_of(packaged, consumer)
    name = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    return name, packaged.of_type("AWS::SQS::Queue")["core", name]


@pytest.mark.guarantee("G39")
def test_g39_no_two_consumers_share_a_queue_or_dead_letters(packaged: Packaged) -> None:
    consumers = consumers_of(packaged)
    queues = {queue_of(packaged, consumer)[0] for consumer in consumers}
    dead = {dead_letters_of(packaged, consumer)[0] for consumer in consumers}
    assert len(queues) == len(dead) == len(consumers)


@pytest.mark.guarantee("G39")
def test_g39_dead_letters_are_kept_for_two_weeks_and_raise_an_alarm(packaged: Packaged) -> None:
    alarms = packaged.of_type("AWS::CloudWatch::Alarm").values()
    watched = [alarm["Dimensions"][0]["Value"] for alarm in alarms]
    for consumer in consumers_of(packaged):
        assert queue_of(packaged, consumer)[1]["RedrivePolicy"]["maxReceiveCount"] == 5
        name, dead = dead_letters_of(packaged, consumer)
        assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert {"Fn::GetAtt": [name, "QueueName"]} in watched, name


def test_every_queue_is_encrypted_and_gives_a_throttled_function_time(packaged: Packaged) -> None:
    for consumer in consumers_of(packaged):
        _, queue = queue_of(packaged, consumer)
        assert queue["VisibilityTimeout"] == 6 * consumer["timeout_seconds"]
    for name, queue in packaged.of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name


@pytest.mark.guarantee("G39")
def test_g39_no_consumer_takes_the_accounts_concurrency(packaged: Packaged) -> None:
    for consumer in consumers_of(packaged):
        source = source_of(packaged, consumer)
        assert source["ScalingConfig"]["MaximumConcurrency"] <= 200, consumer["name"]
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_an_ordered_consumer_is_fed_by_a_fast_fifo_queue_one_change_at_a_time(packaged: Packaged) -> None:
    for consumer in consumers_of(packaged):
        _, queue = queue_of(packaged, consumer)
        ordered = consumer["trigger"]["subscription"]["ordered"]
        assert queue.get("FifoQueue", False) is ordered
        assert dead_letters_of(packaged, consumer)[1].get("FifoQueue", False) is ordered
        if ordered:
            assert source_of(packaged, consumer)["BatchSize"] == 1
            assert queue["FifoThroughputLimit"] == "perMessageGroupId"


def test_the_relay_receives_what_consumers_subscribe_to_and_nothing_else(packaged: Packaged) -> None:
    functions = declared(packaged.project)
    (relay,) = [function for function in functions if function["kind"] == "Stream"]
    patterns = [json.loads(one["Pattern"]) for one in source_of(packaged, relay)["FilterCriteria"]["Filters"]]
    assert len(patterns) <= MOST_FILTERS
    brought = {
        (pattern["eventName"][0], kind)
        for pattern in patterns
        for image in pattern["dynamodb"].values()
        for kind in image["kind"]["S"]
    }
    subscriptions = [consumer["trigger"]["subscription"] for consumer in consumers_of(packaged)]
    assert brought == {(event, kind) for one in subscriptions for event in one["on"] for kind in one["kinds"]}


def test_the_package_has_a_file_with_all_subscriptions(packaged: Packaged) -> None:
    """The relay reads it, and imports no consumer."""
    written = {one.consumer: one for one in read_subscriptions(packaged.build / "project")}
    said = {one["name"]: one["trigger"]["subscription"] for one in consumers_of(packaged)}
    assert written.keys() == said.keys()
    for name, one in written.items():
        assert {"fields": list(one.fields), "ordered": one.ordered} == {
            "fields": list(said[name]["fields"]),
            "ordered": said[name]["ordered"],
        }


def test_a_relay_that_falls_behind_raises_an_alarm(packaged: Packaged) -> None:
    alarms = packaged.of_type("AWS::CloudWatch::Alarm").values()
    assert [alarm for alarm in alarms if alarm["MetricName"] == "IteratorAge"]


@pytest.mark.guarantee("G48")
def test_g48_each_consumer_reaches_its_own_queue_and_no_others(packaged: Packaged) -> None:
    roles = packaged.of_type("AWS::IAM::Role")
    for consumer in consumers_of(packaged):
        name, _ = queue_of(packaged, consumer)
        role = roles[consumer["area"], packaged.functions()[consumer["logical_id"]]["Role"]["Fn::GetAtt"][0]]
        statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
        queues = [one["Resource"] for one in statements if one["Action"][0].startswith("sqs:")]
        assert queues == [[{"Fn::Sub": f"${{{name}Arn}}"}]], consumer["name"]


def subscription(consumer: str = "a", *kinds: str, on: tuple[Event, ...] = (Event.INSERT,)) -> Subscription:
    return Subscription(consumer, kinds or ("NOTE",), on)


def test_filters_are_one_for_each_event_however_many_consumers_there_are() -> None:
    several = [
        subscription("a", "ONE", "TWO", on=(Event.INSERT, Event.MODIFY)),
        subscription("b", "TWO", "THREE"),
        subscription("c", "FOUR", on=(Event.REMOVE,)),
    ]
    assert [json.loads(pattern) for pattern in changes.patterns(several)] == [
        {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["ONE", "THREE", "TWO"]}}}},
        {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"kind": {"S": ["ONE", "TWO"]}}}},
        {"eventName": ["REMOVE"], "dynamodb": {"OldImage": {"kind": {"S": ["FOUR"]}}}},
    ]


def test_a_filter_that_lambda_would_refuse_stops_the_build() -> None:
    kinds = [f"KIND_{number:04d}" for number in range(400)]
    with pytest.raises(changes.TooManyKinds, match="characters"):
        changes.patterns([subscription("a", *kinds)])
