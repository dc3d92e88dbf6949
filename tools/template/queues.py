"""Queues and topics that the functions share, and the dead-letter queues behind them."""

from typing import Any

from tools.template.intrinsics import Resources, attribute, ref

DEAD_LETTER_QUEUES = ("MeteringDeadLetters", "StreamDeadLetters")

_TWO_WEEKS_SECONDS = 14 * 24 * 3600
_METERING_VISIBILITY_SECONDS = 6 * 60
_METERING_RECEIVES = 5


def resources() -> Resources:
    """The metering fan-out, what fell out of it and of the table's stream, and the staff's alerts."""
    metering = {
        "VisibilityTimeout": _METERING_VISIBILITY_SECONDS,
        "SqsManagedSseEnabled": True,
        "RedrivePolicy": {
            "deadLetterTargetArn": attribute("MeteringDeadLetters"),
            "maxReceiveCount": _METERING_RECEIVES,
        },
    }
    kept = {"MessageRetentionPeriod": _TWO_WEEKS_SECONDS, "SqsManagedSseEnabled": True}
    dead: Resources = {name: {"Type": "AWS::SQS::Queue", "Properties": dict(kept)} for name in DEAD_LETTER_QUEUES}
    return dead | {
        "MeteringQueue": {"Type": "AWS::SQS::Queue", "Properties": metering},
        "StaffAlertsTopic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "Hearth staff alerts"}},
    }


def outputs() -> dict[str, Any]:
    """What operators subscribe to and look into."""
    names = ("StaffAlertsTopic", "MeteringQueue", *DEAD_LETTER_QUEUES)
    return {name: {"Value": ref(name)} for name in names}
