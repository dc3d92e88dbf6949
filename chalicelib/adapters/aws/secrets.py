"""Reads secrets from Secrets Manager."""

import boto3
from botocore.config import Config


def secret_text(secret_id: str) -> str:
    """The current value of `secret_id`."""
    client = boto3.client(
        "secretsmanager", config=Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard"})
    )
    return client.get_secret_value(SecretId=secret_id)["SecretString"]
