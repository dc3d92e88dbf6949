"""`Mailer` with Amazon SES."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.adapters.mail.letters import write
from chalicelib.domain.people.accounts.models import EmailAddress
from chalicelib.domain.people.accounts.ports import Undeliverable

if TYPE_CHECKING:
    from types_boto3_ses import SESClient

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3})
# SES API reference, SendEmail. MessageRejected is not final: we may have to verify the sender address.
_REFUSED_FOR_GOOD = frozenset({"InvalidParameterValue"})


class SesMailer:
    """Renders mails from our templates, and sends them from `sender`."""

    def __init__(self, sender: str) -> None:
        self._sender = sender

    def send(self, to: EmailAddress, template: str, values: Mapping[str, str]) -> None:
        """Render and send one mail; see `Mailer.send`."""
        mail = write(template, values)
        try:
            self._client.send_email(
                Source=self._sender,
                Destination={"ToAddresses": [to]},
                Message={
                    "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": mail.text, "Charset": "UTF-8"},
                        "Html": {"Data": mail.html, "Charset": "UTF-8"},
                    },
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _REFUSED_FOR_GOOD:
                raise Undeliverable(error.response["Error"]["Code"]) from error
            raise

    @cached_property
    def _client(self) -> "SESClient":
        return boto3.client("ses", config=_CONFIG)
