"""Peer: the resolver of AWS Lambda Powertools, which validates by the function's annotations, and boto3."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.openapi.params import Query

from benchmarks.peers import machines

app = APIGatewayRestResolver(enable_validation=True)


@app.get("/deployments")
def list_deployments(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> machines.Machines:
    """List the caller's machines."""
    try:
        authorization = app.current_event.headers["Authorization"]
        customer, session_id = machines.customer_of(authorization.removeprefix("Bearer "))
        machines.count(session_id)
    except machines.Refused as error:
        raise ServiceError(error.status, "refused") from error
    return machines.machines_of(customer, limit)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """The handler of the Lambda."""
    return app.resolve(event, context)
