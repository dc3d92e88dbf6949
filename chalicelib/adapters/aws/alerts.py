"""`StaffAlerts` with SNS."""

from chalicelib.adapters.aws.clients import sns

_MAX_SUBJECT_LENGTH = 100  # SNS: an e-mail subject has at most 100 characters


class SnsStaffAlerts:
    """Sends alerts to the subscribers of an SNS topic."""

    def __init__(self, topic_arn: str) -> None:
        self._topic_arn = topic_arn

    def send(self, subject: str, text: str) -> None:
        """Send an alert; see `StaffAlerts.send`."""
        sns().publish(TopicArn=self._topic_arn, Subject=subject[:_MAX_SUBJECT_LENGTH], Message=text or subject)
