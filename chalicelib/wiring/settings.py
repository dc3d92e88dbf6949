"""The environment of a function, typed. Packaging sets every variable that is named here."""

import os
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Settings:
    """What differs between one installation and another; each field is read from its name in capitals."""

    stage: str
    """`local`, `dev`, `prod`, …: goes into log lines and metrics."""
    table_name: str
    signing_key_secret_id: str
    """Secrets Manager id of the key that signs access tokens."""
    provider_secret_id: str
    """Secrets Manager id of the providers' credentials (JSON; `docs/operations.md` shows its shape)."""
    payment_secret_id: str
    """Secrets Manager id of the payment gateways' credentials (JSON; likewise)."""
    secret_box_key_id: str
    """KMS id of the key that encrypts what must be read again, such as the secrets of authenticator apps."""
    state_machine_arn_prefix: str
    """`arn:…:stateMachine:<stack>-`: a machine's name follows."""
    metering_queue_url: str
    notice_queue_url: str
    notice_dead_letters_url: str
    staff_alerts_topic_arn: str
    reports_bucket: str
    mail_sender: str
    public_url: str
    """Where the front end lives: links in mails lead there."""
    breach_range_url: str
    """Where breached passwords are looked up besides the list that ships, or `off` (`docs/guides/sign-in.md`)."""
    suspension_grace_hours: str
    """A whole number: how long switched-off machines of a customer without money are kept."""

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the environment.

        Raises:
            KeyError: names the variable that is not set.
        """
        return cls(**{field.name: os.environ[field.name.upper()] for field in fields(cls)})
