"""Mails and signing keys, over the services' own protocols."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.mail.letters import write
from chalicelib.adapters.mail.ses import SesMailer
from chalicelib.adapters.tokens.signing_keys import SecretsManagerKeys
from chalicelib.domain.people.accounts.models import EmailAddress, LetterKind
from chalicelib.domain.people.accounts.ports import Undeliverable
from tests.fakes.aws import FakeAws, running_aws
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


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """Secrets Manager and SES."""
    with running_aws(monkeypatch) as aws:
        yield aws


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

    def test_are_sent_through_ses(self, aws: FakeAws) -> None:
        SesMailer("Hearth <no-reply@hearth.example>").send(ADA, "reset_password", VALUES)
        [sent] = aws.mails
        assert sent["Action"] == "SendEmail"
        assert sent["Source"] == "Hearth <no-reply@hearth.example>"
        assert sent["Destination.ToAddresses.member.1"] == ADA
        assert sent["Message.Subject.Data"] == "Choose a new password"
        assert VALUES["link"] in sent["Message.Body.Text.Data"]
        assert "&lt;i&gt;Ada&lt;/i&gt; &amp; Co" in sent["Message.Body.Html.Data"]

    def test_that_are_refused_for_good_are_not_tried_again(self, aws: FakeAws) -> None:
        aws.mail_error = "InvalidParameterValue"
        with pytest.raises(Undeliverable):
            SesMailer("no-reply@hearth.example").send(ADA, "reset_password", VALUES)
        assert len(aws.mails) == 1

    @pytest.mark.parametrize("code", ["MessageRejected", "AccountSendingPausedException"])
    def test_that_could_not_be_sent_now_are_somebody_elses_to_try_again(self, aws: FakeAws, code: str) -> None:
        aws.mail_error = code
        with pytest.raises(ClientError):
            SesMailer("no-reply@hearth.example").send(ADA, "reset_password", VALUES)


def version(number: int) -> tuple[str, str]:
    """A version of the signing key: its id, and the secret's text."""
    return f"version-{number}", json.dumps({"current": f"{number}" * 64})


@pytest.mark.guarantee("G42")
class TestSigningKeys:
    @pytest.fixture
    def clock(self) -> SettableClock:
        """A clock of our own: nothing else is built here."""
        return SettableClock()

    @pytest.fixture
    def keys(self, aws: FakeAws, clock: SettableClock) -> SecretsManagerKeys:
        """Keys of a secret with its first version."""
        aws.secrets["AWSCURRENT"] = version(1)
        return SecretsManagerKeys("key", clock)

    def rotate(self, aws: FakeAws, number: int) -> None:
        aws.secrets["AWSPREVIOUS"] = aws.secrets["AWSCURRENT"]
        aws.secrets["AWSCURRENT"] = version(number)

    def test_g42_are_read_once_and_kept(self, aws: FakeAws, keys: SecretsManagerKeys) -> None:
        assert [keys.current() for _ in range(3)] == [("version-1", b"1" * 64)] * 3
        assert keys.find("version-1") == b"1" * 64
        assert aws.readings == ["AWSCURRENT"]

    def test_g42_are_read_again_when_a_token_names_another(self, aws: FakeAws, keys: SecretsManagerKeys) -> None:
        keys.current()
        self.rotate(aws, 2)
        assert keys.find("version-2") == b"2" * 64
        assert keys.find("version-1") == b"1" * 64
        assert keys.current()[0] == "version-2"

    def test_g42_of_the_previous_version_are_accepted_by_a_new_process(
        self, aws: FakeAws, keys: SecretsManagerKeys
    ) -> None:
        self.rotate(aws, 2)
        assert keys.current()[0] == "version-2"
        assert keys.find("version-1") == b"1" * 64

    def test_g42_that_are_made_up_cost_one_search_a_minute(
        self, aws: FakeAws, keys: SecretsManagerKeys, clock: SettableClock
    ) -> None:
        assert [keys.find(f"made-up-{number}") for number in range(20)] == [None] * 20
        assert aws.readings == ["AWSCURRENT", "AWSCURRENT", "AWSPREVIOUS"]
        clock.advance(60)
        assert keys.find("made-up") is None
        assert len(aws.readings) == 5

    def test_g42_that_were_rotated_away_are_refused(
        self, aws: FakeAws, keys: SecretsManagerKeys, clock: SettableClock
    ) -> None:
        keys.current()
        self.rotate(aws, 2)
        self.rotate(aws, 3)
        clock.advance(15 * 60)
        assert keys.find("version-1") is None
        assert keys.find("version-2") == b"2" * 64
        assert keys.current()[0] == "version-3"

    def test_g42_that_are_too_short_sign_nothing(self, aws: FakeAws, clock: SettableClock) -> None:
        aws.secrets["AWSCURRENT"] = ("version-1", json.dumps({"current": "short"}))
        with pytest.raises(ValueError, match="it needs 32"):
            SecretsManagerKeys("key", clock).current()
