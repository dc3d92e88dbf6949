"""The environment variables of a function, typed. Packaging sets every one of them."""

import os
from dataclasses import fields

from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """The settings that differ between installations; each field is read from the variable of its name in
    capitals.
    """

    stage: str
    """`local`, `dev`, `prod`, …; it appears in log lines and metrics."""
    table_name: str
    signing_key_secret_id: str
    """Secrets Manager id of the key that signs access tokens."""
    provider_secret_id: str
    """Secrets Manager id of the providers' credentials (JSON; `docs/operations.md` shows its shape)."""
    payment_secret_id: str
    """Secrets Manager id of the payment gateways' credentials (JSON; `docs/operations.md` shows its shape)."""
    secret_box_key_id: str
    """KMS id of the key for secrets that must be readable later, such as those of authenticator apps."""
    state_machine_arn_prefix: str
    """`arn:…:stateMachine:<installation>-`; a state machine's name follows (`adapters/aws/machines.py`)."""
    metering_queue_url: str
    notice_queue_url: str
    notice_dead_letters_url: str
    metering_dead_letters_url: str
    queue_url_prefix: str
    """`https://sqs.…/<account>/<stack>-`; the name of a consumer's queue or dead-letter queue follows."""
    unsent_changes_url: str
    """The queue with changes that a consumer's queue refused."""
    staff_alerts_topic_arn: str
    reports_bucket: str
    mail_sender: str
    public_url: str
    """The URL of the front end; links in mails point there."""
    breach_range_url: str
    """The service that looks up breached passwords, besides the list that we ship; or `off`
    (`docs/guides/sign-in.md`).
    """
    suspension_grace_hours: str
    """A whole number of hours: how long the machines of a customer without money are kept after they are switched
    off.
    """

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the environment.

        Raises:
            KeyError: names the variable that is not set.
        """
        return cls(**{field.name: os.environ[field.name.upper()] for field in fields(cls)})
