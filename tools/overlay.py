"""Plans the stacks, and writes the template that `chalice package` merges into its own.

Chalice knows only routes and plain Lambdas. The plan adds a stack for each area, a function of its own behind each
route, a least-privilege role for each set of grants, events, function URLs, the WebSocket API, state machines,
queues and alarms. Every part is a pure function of the registry. `tools/finalise.py` then puts Chalice's output
into the plan.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from chalicelib.adapters.files.subscriptions import write_subscriptions
from chalicelib.runtime.registry import Function, load_all, subscriptions
from chalicelib.wiring.settings import Settings
from tools.template import alarms, api, budgets, changes, functions, machines, queues, shares, sockets
from tools.template.intrinsics import ref, sub
from tools.template.stacks import AREAS, CORE, FRONT, INSTALLATION, Draft, Template, link

DATA_OUTPUTS = (
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
    "ApiDomain",
    "ApiCertificateArn",
    "BreachRangeUrl",
    "SuspensionGraceHours",
)
"""The outputs of the data stack; other stacks have parameters of the same names."""

ENVIRONMENT = {
    "stage": ref("Stage"),
    "table_name": ref("TableName"),
    "signing_key_secret_id": ref("SigningKeyArn"),
    "provider_secret_id": ref("ProviderSecretArn"),
    "payment_secret_id": ref("PaymentSecretArn"),
    "secret_box_key_id": ref("SecretBoxKeyArn"),
    "state_machine_arn_prefix": sub(
        "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${Installation}-"
    ),
    "metering_queue_url": ref("MeteringQueue"),
    "notice_queue_url": ref("NoticeQueue"),
    "notice_dead_letters_url": ref("NoticeDeadLetters"),
    "metering_dead_letters_url": ref("MeteringDeadLetters"),
    "queue_url_prefix": sub("https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/${Installation}-"),
    "unsent_changes_url": ref("UnsentChanges"),
    "staff_alerts_topic_arn": ref("StaffAlertsTopic"),
    "reports_bucket": ref("ReportsBucketName"),
    "mail_sender": ref("MailSender"),
    "public_url": ref("PublicUrl"),
    "breach_range_url": ref("BreachRangeUrl"),
    "suspension_grace_hours": ref("SuspensionGraceHours"),
}
"""The value of each field of `Settings`, as the templates write it."""

LIBRARIES = {
    "POWERTOOLS_SERVICE_NAME": "hearth",
    "POWERTOOLS_METRICS_NAMESPACE": "Hearth",
    # Otherwise Pydantic searches every installed package for plugins, and there are none.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}
"""Environment variables that a function's libraries read."""


class OverlayError(Exception):
    """The registry declares something that cannot be packaged."""


@dataclass(frozen=True)
class Plan:
    """All templates, without the parts of functions and paths that Chalice adds."""

    stacks: dict[str, Template]
    """The templates; functions have no handler yet, and APIs no paths."""
    merged: Template
    """The template for `chalice package --merge-template`."""
    apis: tuple[shares.RestApi, ...]
    operations: dict[str, str]
    """The logical id of the function behind each operation of the APIs, such as `GET /health`."""

    def as_json(self) -> dict[str, Any]:
        """The plan in the form that `tools/finalise.py` reads."""
        apis = {api.logical_id: {path: api.local(path) for path in api.paths} for api in self.apis}
        return {"stacks": self.stacks, "merged": self.merged, "apis": apis, "operations": self.operations}


def environment() -> dict[str, Any]:
    """The variables of every function.

    Raises:
        OverlayError: a field of `Settings` has no value.
    """
    missing = [field.name for field in fields(Settings) if field.name not in ENVIRONMENT]
    if missing:
        raise OverlayError(f"tools/overlay.py gives no value to Settings.{missing[0]}")
    variables = {field.name.upper(): ENVIRONMENT[field.name] for field in fields(Settings)}
    return variables | LIBRARIES


def plan(registry: Iterable[Function], definitions: dict[str, str], architecture: str = "arm64") -> Plan:
    """The plan for `registry` and the state machines `definitions` (text by file stem).

    Raises:
        OverlayError, changes.TooManyKinds, machines.UnknownFunction, machines.NoArea, shares.CannotSplit,
            stacks.Unlinked: the parts do not fit together.
    """
    known = tuple(registry)
    for function in known:
        if function.area not in AREAS:
            raise OverlayError(f"{function.module} is in no area; the areas are {', '.join(AREAS)}")
    operations = api.operations(known)
    apis = shares.share_out({place.split()[1] for place in operations}, budgets.PATH_NODES.allowed())
    of_area = machines.by_area(definitions, known)
    filters = changes.patterns(subscriptions(known))
    drafts = {CORE: _core(known, architecture), FRONT: _front(known, apis)}
    for area in AREAS:
        own = tuple(function for function in known if function.area == area)
        if own:
            drafts[area] = _area(own, of_area.get(area, {}), filters, architecture)
    templates = link(drafts, {*DATA_OUTPUTS, INSTALLATION})
    merged = {
        function.logical_id: templates[function.area]["Resources"][function.logical_id] for function in known
    }
    if apis:
        merged |= {shares.API: {"Properties": {"DefinitionBody": {"paths": api.merged(known)}}}}
    return Plan(templates, {"Resources": merged}, apis, operations)


def _core(registry: tuple[Function, ...], architecture: str) -> Draft:
    return Draft(
        resources={
            **queues.resources(),
            **changes.resources(registry),
            **functions.layer(architecture),
            **sockets.api(registry),
            **alarms.of_dead_letters((*queues.DEAD_LETTER_QUEUES, *changes.dead_letter_queues(registry))),
        },
        outputs=queues.outputs(),
    )


def _area(
    registry: tuple[Function, ...], definitions: dict[str, str], filters: list[str], architecture: str
) -> Draft:
    return Draft(
        resources={
            **functions.resources(registry, filters),
            **machines.resources(definitions),
            **alarms.of_machines(definitions),
            **alarms.of_stream_readers(registry),
        },
        outputs=functions.outputs(registry),
        shared=functions.globals_section(environment(), architecture),
    )


def _front(registry: tuple[Function, ...], apis: tuple[shares.RestApi, ...]) -> Draft:
    return Draft(
        resources={**api.resources(apis), **sockets.resources(registry), **alarms.of_apis(apis)},
        outputs=api.outputs(apis) | sockets.outputs(registry),
        conditions=api.conditions(apis),
    )


def main() -> None:
    """Write the plan of the project in the working directory, its overlay, and the file with all subscriptions."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--overlay", type=Path, required=True)
    parser.add_argument("--architecture", choices=("arm64", "x86_64"), default="arm64")
    options = parser.parse_args()
    registry = load_all()
    write_subscriptions(Path(), subscriptions(registry))
    made = plan(registry, machines.read_definitions(Path("state_machines")), options.architecture)
    options.plan.write_text(json.dumps(made.as_json()))
    options.overlay.write_text(json.dumps(made.merged))


if __name__ == "__main__":
    main()
