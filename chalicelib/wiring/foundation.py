"""Scopes, keys, limits, logs, files, changes of the table, and health."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.area import Area

if TYPE_CHECKING:
    from chalicelib.adapters.aws.change_queues import SqsChangeQueues
    from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog
    from chalicelib.adapters.dynamodb.foundation.api_keys import DynamoApiKeyRecords
    from chalicelib.domain.foundation.access.key_authenticator import KeyAuthenticator
    from chalicelib.domain.foundation.access.key_service import ApiKeys, CustomerAllowList
    from chalicelib.domain.foundation.access.ports import IdempotencyRecords
    from chalicelib.domain.foundation.access.rate_limits import RateLimiter
    from chalicelib.domain.foundation.activity.ports import StaffLog
    from chalicelib.domain.foundation.changes.service import DeadLetterDesk, Relay
    from chalicelib.domain.foundation.files.ports import Files
    from chalicelib.domain.foundation.health.ports import Probe
    from chalicelib.domain.foundation.health.service import Health
    from chalicelib.domain.foundation.notifications.ports import StaffAlerts
    from chalicelib.domain.foundation.secrets.ports import SecretBox
    from chalicelib.kernel.qr import QrCodes
    from chalicelib.wiring.area import Above
    from chalicelib.wiring.core import Core, Parts


class Foundation(Area):
    """Scopes, keys, limits, logs, files, changes of the table, and health."""

    def __init__(self, core: Core, given: Parts, above: Above) -> None:
        super().__init__(core, given)
        self.above = above

    @cached_property
    def api_key_records(self) -> DynamoApiKeyRecords:
        """Storage of API keys."""
        from chalicelib.adapters.dynamodb.foundation.api_keys import DynamoApiKeyRecords

        return DynamoApiKeyRecords()

    @cached_property
    def api_key_prefix(self) -> str:
        """The prefix of this installation's API keys."""
        from chalicelib.domain.foundation.access.key_texts import prefix_of

        return prefix_of(self.core.settings.stage)

    @cached_property
    def key_authenticator(self) -> KeyAuthenticator:
        """Finds the owner of an API key."""
        from chalicelib.domain.foundation.access.key_authenticator import KeyAuthenticator

        return KeyAuthenticator(self.api_key_records, self.core.clock, text_prefix=self.api_key_prefix)

    @cached_property
    def api_keys(self) -> ApiKeys:
        """Customers' API keys."""
        from chalicelib.domain.foundation.access.key_service import ApiKeys

        return ApiKeys(
            self.api_key_records,
            self.above.projects(),
            self.core.transactor,
            self.core.clock,
            text_prefix=self.api_key_prefix,
        )

    @cached_property
    def customer_allow_list(self) -> CustomerAllowList:
        """The addresses from which a customer's keys may be used."""
        from chalicelib.domain.foundation.access.key_service import CustomerAllowList

        return CustomerAllowList(self.api_key_records, self.core.transactor, self.core.clock)

    @cached_property
    def rate_limiter(self) -> RateLimiter:
        """Limits how often a caller may call."""
        from chalicelib.adapters.dynamodb.foundation.access import DynamoRateCounters
        from chalicelib.domain.foundation.access.rate_limits import RateLimiter

        return RateLimiter(DynamoRateCounters(), self.core.clock)

    @cached_property
    def idempotency_records(self) -> IdempotencyRecords:
        """Storage of requests with an Idempotency-Key."""
        from chalicelib.adapters.dynamodb.foundation.access import DynamoIdempotencyRecords

        return DynamoIdempotencyRecords()

    @cached_property
    def activity_log(self) -> DynamoActivityLog:
        """The activity log of each customer."""
        from chalicelib.adapters.dynamodb.foundation.activity import DynamoActivityLog

        return DynamoActivityLog()

    @cached_property
    def secret_box(self) -> SecretBox:
        """Encrypts secrets that must be readable later."""
        from chalicelib.adapters.aws.encryption import KmsBox

        return KmsBox(self.core.settings.secret_box_key_id)

    @cached_property
    def staff_log(self) -> StaffLog:
        """The activity log of the staff."""

        return self.activity_log

    @cached_property
    def qr_codes(self) -> QrCodes:
        """Draws QR codes."""
        from chalicelib.adapters.qr import SegnoQrCodes

        return SegnoQrCodes()

    @cached_property
    def staff_alerts(self) -> StaffAlerts:
        """Sends alerts to the operator's staff."""
        from chalicelib.adapters.aws.alerts import SnsStaffAlerts

        return SnsStaffAlerts(self.core.settings.staff_alerts_topic_arn)

    @cached_property
    def files(self) -> Files:
        """Stores files that are downloaded through links."""
        from chalicelib.adapters.aws.files import S3Files

        return S3Files(self.core.settings.reports_bucket)

    @cached_property
    def change_queues(self) -> SqsChangeQueues:
        """The queues of the consumers of changes."""
        from chalicelib.adapters.aws.change_queues import SqsChangeQueues

        return SqsChangeQueues(self.core.settings.queue_url_prefix, self.core.settings.unsent_changes_url)

    @cached_property
    def relay(self) -> Relay:
        """Sends changes of the table to their consumers."""
        from chalicelib.adapters.files.subscriptions import read_subscriptions
        from chalicelib.domain.foundation.changes.service import Relay

        return Relay(read_subscriptions(), self.change_queues)

    @cached_property
    def dead_letters(self) -> DeadLetterDesk:
        """Lists, replays and discards dead letters."""
        from chalicelib.adapters.aws.dead_letters import SqsDeadLetters, dead_letter_queues
        from chalicelib.adapters.files.subscriptions import read_subscriptions
        from chalicelib.domain.foundation.changes.service import DeadLetterDesk

        here = self.core.settings
        others = {
            "book_notice": (here.notice_queue_url, here.notice_dead_letters_url),
            "meter_shard": (here.metering_queue_url, here.metering_dead_letters_url),
        }
        queues = dead_letter_queues(here.queue_url_prefix, read_subscriptions(), others, here.unsent_changes_url)
        return DeadLetterDesk(SqsDeadLetters(queues))

    @cached_property
    def health(self) -> Health:
        """Checks the services that the product depends on."""
        from chalicelib.adapters.aws.machines import PROVISION
        from chalicelib.adapters.aws.probes import MailProbe, SecretReader, SigningKeyProbe, StateMachinesProbe
        from chalicelib.adapters.dynamodb.foundation.health import TableProbe
        from chalicelib.adapters.providers.openstack.probes import ProviderProbe
        from chalicelib.domain.foundation.health.service import Health

        here, secrets = self.core.settings, SecretReader()
        probes: list[Probe] = [
            TableProbe(),
            StateMachinesProbe(here.state_machine_arn_prefix + PROVISION),
            MailProbe(),
            SigningKeyProbe(here.signing_key_secret_id),
            ProviderProbe(lambda: secrets.read(here.provider_secret_id)),
        ]
        return Health(probes, self.core.clock)
