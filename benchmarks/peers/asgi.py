"""Peer: FastAPI behind Mangum, and boto3."""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from mangum import Mangum

from benchmarks.peers import machines

app = FastAPI()


def caller(authorization: Annotated[str, Header()]) -> str:
    """The customer that the caller acts for."""
    try:
        customer, session_id = machines.customer_of(authorization.removeprefix("Bearer "))
        machines.count(session_id)
    except machines.Refused as error:
        raise HTTPException(error.status) from error
    return customer


@app.get("/deployments")
def list_deployments(
    customer: Annotated[str, Depends(caller)], limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> machines.Machines:
    """List the caller's machines."""
    return machines.machines_of(customer, limit)


handler = Mangum(app, lifespan="off", api_gateway_base_path="/")
"""The handler of the Lambda."""
