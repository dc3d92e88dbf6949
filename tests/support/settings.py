"""The environment of functions in tests. It is set before the product is imported."""

import os

TABLE_NAME = "hearth-test"
REGION = "eu-north-1"
ACCOUNT = "000000000000"

_ENVIRONMENT = {
    "STAGE": "test",
    "TABLE_NAME": TABLE_NAME,
    "SIGNING_KEY_SECRET_ID": "hearth-test/signing-key",
    "PROVIDER_SECRET_ID": "hearth-test/providers",
    "PAYMENT_SECRET_ID": "hearth-test/payments",
    "SECRET_BOX_KEY_ID": "alias/hearth-test-secrets",
    "STATE_MACHINE_ARN_PREFIX": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:hearth-test-",
    "METERING_QUEUE_URL": f"http://127.0.0.1:9/{ACCOUNT}/hearth-test-metering",
    "NOTICE_QUEUE_URL": f"http://127.0.0.1:9/{ACCOUNT}/hearth-test-notices",
    "NOTICE_DEAD_LETTERS_URL": f"http://127.0.0.1:9/{ACCOUNT}/hearth-test-dead-notices",
    "METERING_DEAD_LETTERS_URL": f"http://127.0.0.1:9/{ACCOUNT}/hearth-test-dead-metering",
    "QUEUE_URL_PREFIX": f"http://127.0.0.1:9/{ACCOUNT}/hearth-test-",
    "UNSENT_CHANGES_URL": f"http://127.0.0.1:9/{ACCOUNT}/hearth-test-unsent",
    "STAFF_ALERTS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:hearth-test-alerts",
    "REPORTS_BUCKET": "hearth-test-reports",
    "MAIL_SENDER": "Hearth <no-reply@hearth.example>",
    "PUBLIC_URL": "https://console.hearth.example",
    "BREACH_RANGE_URL": "off",
    "SUSPENSION_GRACE_HOURS": "72",
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    # An unexpected call is refused at once by a closed port, and does not leave the machine.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}


def apply() -> None:
    """Set the environment of the tests in this process."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        os.environ.pop(name, None)
    os.environ.update(_ENVIRONMENT)


def value_of(name: str) -> str:
    """A variable of the tests' environment."""
    return _ENVIRONMENT[name]
