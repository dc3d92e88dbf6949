"""Removes from a layer what functions do not need: models of unused AWS services, scripts, stubs and tests."""

import shutil
from pathlib import Path

AWS_SERVICES = frozenset(
    {
        "apigatewaymanagementapi",
        "cloudwatch",
        "dynamodb",
        "dynamodbstreams",
        "events",
        "kms",
        "lambda",
        "logs",
        "s3",
        "secretsmanager",
        "ses",
        "sesv2",
        "sns",
        "sqs",
        "ssm",
        "stepfunctions",
        "sts",
    }
)
"""The botocore models that stay; a test checks that adapters use no others."""

_UNUSED_FOLDERS = ("bin", "botocore/.changes", "setuptools/tests", "openstack/tests", "keystoneauth1/tests")
_UNUSED_PATTERNS = ("*.pyi", "*.pyx", "*.pxd", "*.c", "*.h")


def slim(packages: Path) -> None:
    """Remove the files that no function reads from the installed `packages`."""
    for name in _UNUSED_FOLDERS:
        shutil.rmtree(packages / name, ignore_errors=True)
    for pattern in _UNUSED_PATTERNS:
        for path in packages.rglob(pattern):
            path.unlink()
    for data in (packages / "botocore" / "data", packages / "boto3" / "data"):
        for service in data.iterdir() if data.is_dir() else ():
            if service.is_dir() and service.name not in AWS_SERVICES:
                shutil.rmtree(service)
