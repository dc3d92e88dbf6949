"""Writes the skeleton of an addition, and says what is left to do:

    python -m tools.new endpoint POST /volumes create_volume --area cloud --scope deployments:write
    python -m tools.new context volumes --area cloud
    python -m tools.new consumer VOLUME INSERT build_volume --area cloud --resource volumes
    python -m tools.new provider linode
    python -m tools.new gateway adyen

If something is in the way, it says what, and writes nothing.
"""

import argparse
import sys
from collections.abc import Sequence

from chalicelib.domain.foundation.access.models import Scope
from tools.new.consumer import EVENTS, NewConsumer
from tools.new.context import NewContext
from tools.new.endpoint import NewEndpoint
from tools.new.gateway import NewGateway
from tools.new.provider import NewProvider
from tools.new.writing import AREAS, ROOT, Plan, PlanError, write


def plan_of(arguments: Sequence[str]) -> Plan:
    """What the command line asks for.

    Raises:
        PlanError: it cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="tools.new", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(required=True)
    endpoint = kinds.add_parser("endpoint", help="a function of the API, its models and a test")
    endpoint.add_argument("method", choices=("GET", "POST", "PUT", "PATCH", "DELETE"))
    endpoint.add_argument("path", help="below the stage, with {camelCaseId} values")
    endpoint.add_argument("name", help="of the function: operationId, Lambda and metric are named after it")
    endpoint.add_argument("--area", choices=AREAS, required=True, help="which part of the product it belongs to")
    endpoint.add_argument("--scope", type=Scope, choices=tuple(Scope), help="what callers must hold")
    endpoint.set_defaults(plan=NewEndpoint)
    context = kinds.add_parser("context", help="rules, their records and the wiring between")
    context.add_argument("name", help="what it keeps, in the plural")
    context.add_argument("--area", choices=AREAS, required=True)
    context.set_defaults(plan=NewContext)
    consumer = kinds.add_parser("consumer", help="work that follows a change of an item")
    consumer.add_argument("kind", help="of the item, such as OPERATION")
    consumer.add_argument("event", choices=EVENTS)
    consumer.add_argument("name", help="of the function: Lambda and queue are named after it")
    consumer.add_argument("--area", choices=AREAS, required=True)
    consumer.add_argument("--resource", required=True, help="the folder in functions/<area>/")
    consumer.set_defaults(plan=NewConsumer)
    for kind, made in (("provider", NewProvider), ("gateway", NewGateway)):
        adapter = kinds.add_parser(kind, help=f"the adapter of a {kind}, to be filled in")
        adapter.add_argument("name", help="of the vendor")
        adapter.set_defaults(plan=made)
    options = vars(parser.parse_args(arguments))
    plan: Plan = options.pop("plan")(**options)
    return plan


def main() -> None:
    """Write the skeleton, and say what remains to be done."""
    try:
        plan = plan_of(sys.argv[1:])
        paths = write(plan)
    except PlanError as error:
        sys.exit(str(error))
    for path in paths:
        print(f"wrote {path.relative_to(ROOT)}")
    print("Left to do:")
    for number, step in enumerate(plan.left(), 1):
        print(f"{number}. {step}")


if __name__ == "__main__":
    main()
