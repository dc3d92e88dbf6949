"""boto3 clients with time-outs and limited retries, created once per process."""

from functools import cache
from typing import TYPE_CHECKING

from botocore.config import Config

from chalicelib.adapters.shared import aws

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
    import boto3

    return boto3.client("stepfunctions", config=_BOUNDS)


@cache
def sqs() -> "SQSClient":
    """SQS."""
    sqs_client: SQSClient = aws.client("sqs", _BOUNDS)
    return sqs_client


@cache
def sns() -> "SNSClient":
    """SNS."""
    import boto3

    return boto3.client("sns", config=_BOUNDS)


@cache
def s3() -> "S3Client":
    """S3."""
    s3_client: S3Client = aws.client("s3", _BOUNDS)
    return s3_client


@cache
def kms() -> "KMSClient":
    """KMS."""
    kms_client: KMSClient = aws.client("kms", _BOUNDS)
    return kms_client
