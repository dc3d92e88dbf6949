"""Mails and signing keys, over the services' own protocols."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chalicelib.adapters.mail.letters import write
from chalicelib.adapters.mail.ses import SesMailer
from chalicelib.adapters.tokens.signing_keys import SecretsManagerKeys
from chalicelib.domain.people.accounts.models import EmailAddress, LetterKind
from chalicelib.domain.people.accounts.ports import Undeliverable
from tests.support.aws import PlayedAws
from tests.support.clock import SettableClock

ADA = EmailAddress("ada@example.com")
VALUES = {
    "empty_at": "21 November 2026, 04:00 UTC",
    "deletes_at": "24 November 2026, 04:00 UTC",
    "balance": "1.25",
    "reason": "Chargebacks on three cards",
    "burn_per_hour": "0.40",
    "name": "<i>Ada</i> & Co",
    "place": "Acme",
    "customer": "Acme",
    "device": "Firefox on Linux",
    "address": "203.0.113.7",
    "time": "2026-11-20 14:00 UTC",
    "spent": "8.00",
    "cap": "10.00",
    "cap_name": "daily",
    "reached_at": "20 November 2026, 18:00 UTC",
    "ends_at": "21 November 2026, 00:00 UTC",
    "machines": "laptop: 0.10 USD an hour\ndesktop: 0.20 USD an hour",
    "inviter": "Bob",
    "actor": "Bob",
    "role": "admin",
    "old_role": "viewer",
    "new_owner": "Bob",
    "old_owner": "Ada",
    "link": "https://console.hearth.example/page?token=abc",
}


class TestMails:
    @pytest.mark.parametrize("kind", list(LetterKind))
    def test_are_written_as_text_and_as_html(self, kind: LetterKind) -> None:
        mail = write(kind, VALUES)
        assert mail.subject
        assert "\n" not in mail.subject
        assert VALUES["link"] in mail.text
        assert VALUES["link"] in mail.html
        assert mail.subject in mail.html
        assert "<i>" not in mail.html
        assert "{{" not in mail.text + mail.html

    def test_are_sent_through_ses(self, aws: PlayedAws) -> None:
        SesMailer("Hearth <no-reply@hearth.example>").send(ADA, "reset_password", VALUES)
        [sent] = aws.asked("SendEmail")
        assert sent["Source"] == "Hearth <no-reply@hearth.example>"
        assert sent["Destination"] == {"ToAddresses": [ADA]}
        assert sent["Message"]["Subject"]["Data"] == "Choose a new password"
        assert VALUES["link"] in sent["Message"]["Body"]["Text"]["Data"]
        assert "&lt;i&gt;Ada&lt;/i&gt; &amp; Co" in sent["Message"]["Body"]["Html"]["Data"]
        assert boto3.client("ses").get_send_quota()["SentLast24Hours"] == 1

    def test_that_are_refused_for_good_are_not_tried_again(self, aws: PlayedAws) -> None:
        mailer = SesMailer("no-reply@hearth.example")
        requests: list[object] = []
        mailer._client.meta.events.register("before-send", lambda request, **_: requests.append(request))
        with pytest.raises(Undeliverable):
            mailer.send(EmailAddress("nowhere"), "reset_password", VALUES)
        assert len(requests) == 1

    def test_that_could_not_be_sent_now_are_somebody_elses_to_try_again(self, aws: PlayedAws) -> None:
        with pytest.raises(ClientError, match="MessageRejected"):
            SesMailer("no-reply@not-verified.example").send(ADA, "reset_password", VALUES)

    def test_that_an_account_may_not_send_are_somebody_elses_to_try_again(self, aws: PlayedAws) -> None:
        """moto pauses no account."""
        mailer = SesMailer("no-reply@hearth.example")
        stubber = Stubber(mailer._client)
        stubber.add_client_error("send_email", "AccountSendingPausedException", http_status_code=400)
        with stubber, pytest.raises(ClientError, match="AccountSendingPaused"):
            mailer.send(ADA, "reset_password", VALUES)


def key(number: int) -> bytes:
    """The key of a version."""
    return f"{number}".encode() * 64


def rotate(number: int, text: str = "") -> str:
    """Give the secret another version, as the operator does; its id."""
    secrets = boto3.client("secretsmanager")
    text = text or json.dumps({"current": key(number).decode()})
    try:
        return secrets.put_secret_value(SecretId="key", SecretString=text)["VersionId"]
    except secrets.exceptions.ResourceNotFoundException:
        return secrets.create_secret(Name="key", SecretString=text)["VersionId"]


def stages_read(aws: PlayedAws) -> list[str]:
    """Which stages of the secret were asked for."""
    return [asked["VersionStage"] for asked in aws.asked("GetSecretValue")]


@pytest.mark.guarantee("G42")
class TestSigningKeys:
    @pytest.fixture
    def clock(self) -> SettableClock:
        """A clock of our own: nothing else is built here."""
        return SettableClock()

    @pytest.fixture
    def first(self, aws: PlayedAws) -> str:
        """The first version's id."""
        return rotate(1)

    @pytest.fixture
    def keys(self, first: str, clock: SettableClock) -> SecretsManagerKeys:
        """Keys of a secret with its first version."""
        return SecretsManagerKeys("key", clock)

    def test_g42_are_read_once_and_kept(self, aws: PlayedAws, keys: SecretsManagerKeys, first: str) -> None:
        assert [keys.current() for _ in range(3)] == [(first, key(1))] * 3
        assert keys.find(first) == key(1)
        assert stages_read(aws) == ["AWSCURRENT"]

    def test_g42_are_read_again_when_a_token_names_another(self, keys: SecretsManagerKeys, first: str) -> None:
        keys.current()
        second = rotate(2)
        assert keys.find(second) == key(2)
        assert keys.find(first) == key(1)
        assert keys.current()[0] == second

    def test_g42_of_the_previous_version_are_accepted_by_a_new_process(
        self, keys: SecretsManagerKeys, first: str
    ) -> None:
        second = rotate(2)
        assert keys.current()[0] == second
        assert keys.find(first) == key(1)

    def test_g42_that_are_made_up_cost_one_search_a_minute(
        self, aws: PlayedAws, keys: SecretsManagerKeys, clock: SettableClock
    ) -> None:
        assert [keys.find(f"made-up-{number}") for number in range(20)] == [None] * 20
        assert stages_read(aws) == ["AWSCURRENT", "AWSCURRENT", "AWSPREVIOUS"]
        clock.advance(60)
        assert keys.find("made-up") is None
        assert len(stages_read(aws)) == 5

    def test_g42_that_were_rotated_away_are_refused(
        self, keys: SecretsManagerKeys, first: str, clock: SettableClock
    ) -> None:
        keys.current()
        second, third = rotate(2), rotate(3)
        clock.advance(15 * 60)
        assert keys.find(first) is None
        assert keys.find(second) == key(2)
        assert keys.current()[0] == third

    def test_g42_that_are_too_short_sign_nothing(self, aws: PlayedAws, clock: SettableClock) -> None:
        rotate(1, json.dumps({"current": "short"}))
        with pytest.raises(ValueError, match="it needs 32"):
            SecretsManagerKeys("key", clock).current()
