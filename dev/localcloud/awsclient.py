"""Clients of the local AWS, with its fixed account and region."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_ses import SESClient

REGION = "us-east-1"
ACCOUNT = "000000000000"
"""Also the access key: ministack reads an access key of twelve digits as the account's number."""
SECRET = "local"
"""A secret key without value: the local AWS checks no signatures."""


@dataclass(frozen=True)
class LocalAws:
    """The local AWS at `endpoint`."""

    endpoint: str

    def _session(self) -> boto3.session.Session:
        return boto3.session.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key=SECRET, region_name=REGION)

    def _config(self) -> Config:
        return Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}, read_timeout=120)

    def client(self, service: str) -> Any:
        """A client of any service."""
        session = self._session()
        return session.client(service, endpoint_url=self.endpoint, config=self._config())  # type: ignore[call-overload]

    def cloudformation(self) -> "CloudFormationClient":
        """CloudFormation."""
        return self._session().client("cloudformation", endpoint_url=self.endpoint, config=self._config())

    def awslambda(self) -> "LambdaClient":
        """Lambda."""
        return self._session().client("lambda", endpoint_url=self.endpoint, config=self._config())

    def s3(self) -> "S3Client":
        """S3, addressed by path."""
        return self._session().client("s3", endpoint_url=self.endpoint, config=self._config())

    def secretsmanager(self) -> "SecretsManagerClient":
        """Secrets Manager."""
        return self._session().client("secretsmanager", endpoint_url=self.endpoint, config=self._config())

    def ses(self) -> "SESClient":
        """SES."""
        return self._session().client("ses", endpoint_url=self.endpoint, config=self._config())
