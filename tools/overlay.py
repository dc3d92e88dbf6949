"""Writes the template that is merged into what `chalice package` makes.

Chalice knows routes and plain Lambdas. The overlay adds what it does not: an own function behind each route, a
least-privilege role for each set of grants, events, function URLs, the WebSocket API, state machines, queues
and alarms. Every part is a pure function of the registry; `tools/finalise.py` removes what a merge cannot.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from chalicelib.runtime.registry import Function, load_all
from chalicelib.wiring.settings import Settings
from tools.template import alarms, api, functions, machines, queues, sockets
from tools.template.intrinsics import Resources, ref, sub

PARAMETERS = (
    "Stage",
    "TableName",
    "TableArn",
    "TableStreamArn",
    "SigningKeyArn",
    "ProviderSecretArn",
    "PaymentSecretArn",
    "ReportsBucketName",
    "ReportsBucketArn",
    "DataKeyArn",
    "SecretBoxKeyArn",
    "MailSender",
    "PublicUrl",
    "BreachRangeUrl",
    "SuspensionGraceHours",
)
"""What the app stack takes from the data stack's outputs, under the same names."""

ENVIRONMENT = {
    "stage": ref("Stage"),
    "table_name": ref("TableName"),
    "signing_key_secret_id": ref("SigningKeyArn"),
    "provider_secret_id": ref("ProviderSecretArn"),
    "payment_secret_id": ref("PaymentSecretArn"),
    "secret_box_key_id": ref("SecretBoxKeyArn"),
    "state_machine_arn_prefix": sub(
        "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${AWS::StackName}-"
    ),
    "metering_queue_url": ref("MeteringQueue"),
    "notice_queue_url": ref("NoticeQueue"),
    "notice_dead_letters_url": ref("NoticeDeadLetters"),
    "staff_alerts_topic_arn": ref("StaffAlertsTopic"),
    "reports_bucket": ref("ReportsBucketName"),
    "mail_sender": ref("MailSender"),
    "public_url": ref("PublicUrl"),
    "breach_range_url": ref("BreachRangeUrl"),
    "suspension_grace_hours": ref("SuspensionGraceHours"),
}
"""The value of each field of `Settings`, as the template writes it."""


class OverlayError(Exception):
    """The registry asks for something that cannot be packaged."""


def environment() -> dict[str, Any]:
    """The variables of every function.

    Raises:
        OverlayError: `Settings` has a field that nobody gives a value.
    """
    missing = [field.name for field in fields(Settings) if field.name not in ENVIRONMENT]
    if missing:
        raise OverlayError(f"tools/overlay.py gives no value to Settings.{missing[0]}")
    variables = {field.name.upper(): ENVIRONMENT[field.name] for field in fields(Settings)}
    return variables | {
        "POWERTOOLS_SERVICE_NAME": "hearth",
        "POWERTOOLS_METRICS_NAMESPACE": "Hearth",
    }


def overlay(
    registry: Iterable[Function], definitions: dict[str, str], architecture: str = "arm64"
) -> dict[str, Any]:
    """The merge template for `registry` and the state machines `definitions` (text by file stem).

    Raises:
        OverlayError, machines.UnknownFunction: the parts do not fit together.
    """
    known = tuple(registry)
    resources: Resources = {
        **queues.resources(),
        **functions.layer(architecture),
        **functions.resources(known),
        **api.resources(known),
        **sockets.resources(known),
        **machines.resources(definitions, known),
        **alarms.resources(definitions),
    }
    return {
        "Parameters": {name: {"Type": "String"} for name in PARAMETERS},
        "Globals": functions.globals_section(environment(), architecture),
        "Resources": resources,
        "Outputs": functions.outputs(known) | sockets.outputs(known) | queues.outputs(),
    }


def main() -> None:
    """Write the overlay of the project in the working directory."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")
    options = parser.parse_args()
    template = overlay(load_all(), machines.read_definitions(Path("state_machines")), options.architecture)
    options.output.write_text(json.dumps(template))


if __name__ == "__main__":
    main()
