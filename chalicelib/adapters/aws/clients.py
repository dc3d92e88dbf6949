"""boto3 clients with time-outs and limited retries, created once per process."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

_BOUNDS = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard", "max_attempts": 3})


@cache
def stepfunctions() -> "SFNClient":
    """Step Functions."""
    return boto3.client("stepfunctions", config=_BOUNDS)


@cache
def sqs() -> "SQSClient":
    """SQS."""
    return boto3.client("sqs", config=_BOUNDS)


@cache
def sns() -> "SNSClient":
    """SNS."""
    return boto3.client("sns", config=_BOUNDS)


@cache
def s3() -> "S3Client":
    """S3."""
    return boto3.client("s3", config=_BOUNDS)


@cache
def kms() -> "KMSClient":
    """KMS."""
    return boto3.client("kms", config=_BOUNDS)
