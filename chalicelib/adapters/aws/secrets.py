"""Reads secrets from Secrets Manager."""

from botocore.config import Config

from chalicelib.adapters.shared import aws

_BOUNDS = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard"})


def secret_text(secret_id: str) -> str:
    """The current value of `secret_id`."""
    text: str = aws.client("secretsmanager", _BOUNDS).get_secret_value(SecretId=secret_id)["SecretString"]
    return text
