"""Code that both peers use: authentication, rate limit, and a customer's machines, with PyJWT and boto3."""

import json
import os
import time
from datetime import datetime
from typing import Any, Literal

import boto3
import jwt
from boto3.dynamodb.types import TypeDeserializer
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

TABLE = os.environ["TABLE_NAME"]
PUBLIC_KEY = os.environ.get("PEERS_PUBLIC_KEY", "")
REQUESTS_PER_MINUTE = 100_000

dynamodb = boto3.client("dynamodb")
deserialize = TypeDeserializer().deserialize


class Refused(Exception):
    """The request is refused; it has the status for the caller."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Answer(BaseModel):
    """The base of response models: names are camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Price(Answer):
    """An amount of money."""

    amount: str
    currency: str = "USD"


class Storage(Answer):
    """The storage of a machine."""

    kind: str
    size_gb: int | None


class Addresses(Answer):
    """How to reach a machine."""

    public_ipv4: str | None
    private_ipv4: str


class Failure(Answer):
    """Why a machine could not be built."""

    code: str
    message: str


class Machine(Answer):
    """A machine in an answer."""

    id: str
    name: str
    status: Literal["REQUESTED", "PROVISIONING", "ACTIVE", "SUSPENDED", "DELETING", "DELETED", "FAILED"]
    desired_state: str
    region: str
    instance_type: str
    image_id: str
    storage: Storage
    ssh_key_id: str
    project_id: str | None
    price_per_hour: Price
    addresses: Addresses | None
    failure: Failure | None
    operation_id: str | None
    created_at: datetime
    updated_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None


class Meta(Answer):
    """The cursor of the next page."""

    next_cursor: str | None


class Machines(Answer):
    """The body of the response."""

    success: bool
    data: list[Machine]
    meta: Meta


def customer_of(token: str) -> tuple[str, str]:
    """The customer and the session behind `token`.

    Raises:
        Refused: the token is not valid.
    """
    try:
        claims = jwt.decode(token, PUBLIC_KEY, ["EdDSA"], audience="peers", issuer="peers")
    except jwt.InvalidTokenError as error:
        raise Refused(401) from error
    user, customer = f"USER#{claims['sub']}", claims["cus"]
    keys = [
        (user, f"SESSION#{claims['sid']}"),
        (user, f"MEMBERSHIP#{customer}"),
        (f"CUSTOMER#{customer}", "CUSTOMER"),
    ]
    asked: Any = {TABLE: {"Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys], "ConsistentRead": True}}
    found = dynamodb.batch_get_item(RequestItems=asked)["Responses"][TABLE]
    if len(found) < len(keys):
        raise Refused(401)
    return customer, claims["sid"]


def count(session_id: str) -> None:
    """Count a call of the session in the present minute.

    Raises:
        Refused: there were too many calls.
    """
    minute = int(time.time()) // 60
    counted = dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"PEERS#{session_id}#{minute}"}, "sk": {"S": "-"}},
        UpdateExpression="ADD hits :one SET kind = :kind, expires_at = :end",
        ExpressionAttributeValues={
            ":one": {"N": "1"},
            ":kind": {"S": "COUNTER"},
            ":end": {"N": str(60 * minute + 120)},
        },
        ReturnValues="UPDATED_NEW",
    )
    if int(counted["Attributes"]["hits"]["N"]) > REQUESTS_PER_MINUTE:
        raise Refused(429)


def machines_of(customer: str, limit: int) -> Machines:
    """The customer's newest machines."""
    found = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": f"CUSTOMER#{customer}"}, ":sk": {"S": "DEPLOYMENT#"}},
        ScanIndexForward=False,
        Limit=limit + 1,
    )
    items = [{name: deserialize(value) for name, value in item.items()} for item in found["Items"]]
    cursor = str(items[limit - 1]["sk"]) if len(items) > limit else None
    machines = [machine_of(item) for item in items[:limit]]
    return Machines(success=True, data=machines, meta=Meta(next_cursor=cursor))


def machine_of(item: dict[str, Any]) -> Machine:
    """The machine stored in `item`."""
    spec = json.loads(item["spec"])
    failure, outputs = json.loads(item.get("failure", "null")), json.loads(item.get("outputs", "null"))
    return Machine(
        id=item["sk"].partition("#")[2],
        name=item["name"],
        status=item["status"],
        desired_state=item["desired"],
        region=item["region"],
        instance_type=item["instance_type"],
        image_id=item["image"],
        storage=Storage(kind=spec["storage_kind"], size_gb=spec.get("storage_gb")),
        ssh_key_id=item["ssh_key_id"],
        project_id=item.get("project_id"),
        price_per_hour=Price(amount=str(item["price_micros_per_hour"] / 1_000_000)),
        addresses=Addresses(**outputs) if outputs else None,
        failure=Failure(**failure) if failure else None,
        operation_id=item.get("operation_id"),
        created_at=item["created_at"],
        updated_at=item["updated_at"],
        activated_at=item.get("activated_at"),
        ended_at=item.get("ended_at"),
    )
