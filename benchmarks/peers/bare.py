"""The baseline: a boto3 client makes one request."""

import json
import os
from typing import Any

import boto3

client = boto3.client("dynamodb")


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Read one item."""
    found = client.get_item(
        TableName=os.environ["TABLE_NAME"], Key={"pk": {"S": event["path"]}, "sk": {"S": "-"}}, ConsistentRead=True
    )
    return {"statusCode": 200, "body": json.dumps({"found": "Item" in found})}
