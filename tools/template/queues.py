"""Queues and topics that the functions share, and the dead-letter queues behind them."""

from typing import Any

from tools.template.intrinsics import Resources, attribute, ref

DEAD_LETTER_QUEUES = ("MeteringDeadLetters", "NoticeDeadLetters", "StreamDeadLetters", "UnsentChanges")

_TWO_WEEKS_SECONDS = 14 * 24 * 3600
_VISIBILITY_SECONDS = 6 * 60
_RECEIVES = 5


def resources() -> Resources:
    """The queues, their dead-letter queues, the relay's queues, and the topic of the staff's alerts."""
    kept = {"MessageRetentionPeriod": _TWO_WEEKS_SECONDS, "SqsManagedSseEnabled": True}
    dead: Resources = {name: {"Type": "AWS::SQS::Queue", "Properties": dict(kept)} for name in DEAD_LETTER_QUEUES}
    return dead | {
        "MeteringQueue": _queue("MeteringDeadLetters"),
        "NoticeQueue": _queue("NoticeDeadLetters"),
        "StaffAlertsTopic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "Hearth staff alerts"}},
    }


def _queue(dead_letters: str) -> dict[str, Any]:
    redrive = {"deadLetterTargetArn": attribute(dead_letters), "maxReceiveCount": _RECEIVES}
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "VisibilityTimeout": _VISIBILITY_SECONDS,
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": redrive,
        },
    }


def outputs() -> dict[str, Any]:
    """The topic and the queues that operators use."""
    names = ("StaffAlertsTopic", "MeteringQueue", "NoticeQueue", *DEAD_LETTER_QUEUES)
    return {name: {"Value": ref(name)} for name in names}
