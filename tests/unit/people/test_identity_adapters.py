"""The adapters for mails and signing keys, over the services' protocols."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import boto3
import jwt
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chalicelib.adapters.mail.letters import write
from chalicelib.adapters.mail.ses import SesMailer
from chalicelib.adapters.tokens.access_tokens import JwtReader
from chalicelib.adapters.tokens.signing import JwtSigner
from chalicelib.adapters.tokens.signing_keys import SecretsManagerKeys, key_of
from chalicelib.domain.people.accounts.models import EmailAddress, LetterKind
from chalicelib.domain.people.accounts.ports import Undeliverable
from chalicelib.domain.people.sessions.models import ACCESS_TOKEN_LIFE, SESSION_LIFE, Claims, Session, TokenKey
from chalicelib.kernel.ids import Kind, new_id
from tests.support.aws import PlayedAws
from tests.support.clock import START, SettableClock

ADA = EmailAddress("ada@example.com")
ISSUER = "https://console.hearth.example"
CLAIMS = Claims(new_id(Kind.USER, START), new_id(Kind.SESSION, START), new_id(Kind.CUSTOMER, START))
SESSION = Session(
    id=CLAIMS.session_id,
    user_id=CLAIMS.user_id,
    customer_id=CLAIMS.customer_id,
    ip="203.0.113.7",
    user_agent="",
    created_at=START,
    last_used_at=START,
    ends_at=START + SESSION_LIFE,
    password_version=1,
    family_hash="",
    refresh_hash="",
)
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

    def test_that_could_not_be_sent_now_raise_for_a_retry(self, aws: PlayedAws) -> None:
        with pytest.raises(ClientError, match="MessageRejected"):
            SesMailer("no-reply@not-verified.example").send(ADA, "reset_password", VALUES)

    def test_that_a_paused_account_may_not_send_raise_for_a_retry(self, aws: PlayedAws) -> None:
        """moto cannot pause an account, so the answer is simulated."""
        mailer = SesMailer("no-reply@hearth.example")
        stubber = Stubber(mailer._client)
        stubber.add_client_error("send_email", "AccountSendingPausedException", http_status_code=400)
        with stubber, pytest.raises(ClientError, match="AccountSendingPaused"):
            mailer.send(ADA, "reset_password", VALUES)


def key(number: int) -> bytes:
    """The key of a version of the secret."""
    return f"{number}".encode() * 64


def rotate(number: int, text: str = "") -> None:
    """Put a new version of the secret, as the operator does."""
    secrets = boto3.client("secretsmanager")
    text = text or json.dumps({"current": key(number).decode()})
    try:
        secrets.put_secret_value(SecretId="key", SecretString=text)
    except secrets.exceptions.ResourceNotFoundException:
        secrets.create_secret(Name="key", SecretString=text)


@pytest.mark.guarantee("G42")
class TestSigningKeys:
    @pytest.fixture
    def clock(self) -> SettableClock:
        """A clock; these tests build no other part of the product."""
        return SettableClock()

    @pytest.fixture
    def keys(self, aws: PlayedAws, clock: SettableClock) -> SecretsManagerKeys:
        """The keys of a secret with one version."""
        rotate(1)
        return SecretsManagerKeys("key", clock)

    @pytest.fixture
    def signer(self, keys: SecretsManagerKeys) -> JwtSigner:
        """A signer with these keys."""
        return JwtSigner(keys, ISSUER)

    def test_g42_are_read_once_and_kept(self, aws: PlayedAws, keys: SecretsManagerKeys) -> None:
        assert len({keys.current().private_bytes_raw() for _ in range(3)}) == 1
        assert len(aws.asked("GetSecretValue")) == 1

    def test_g42_are_the_same_in_every_process(self, signer: JwtSigner, clock: SettableClock) -> None:
        other = JwtSigner(SecretsManagerKeys("key", clock), ISSUER)
        assert other.key(clock.now()) == signer.key(clock.now())

    def test_g42_are_made_of_the_secret_and_nothing_else(self) -> None:
        """Sessions carry the public key, so another derivation would end all sessions."""
        made = key_of(b"1" * 64).public_key().public_bytes_raw()
        assert made.hex() == "856dd0d56729dc7156b6db5007412e845e06122adf0f62d6a2ab1015acd31f23"

    def test_g42_are_read_again_a_quarter_of_an_hour_later(self, signer: JwtSigner, clock: SettableClock) -> None:
        first = signer.key(clock.now())
        rotate(2)
        assert signer.key(clock.now()).id == first.id
        clock.advance(15 * 60)
        assert signer.key(clock.now()).id != first.id

    def test_g42_sign_what_others_can_read(self, signer: JwtSigner, clock: SettableClock) -> None:
        """The test reads them with PyJWT."""
        end = clock.advance(900)
        token, key = signer.sign(CLAIMS, START, end), signer.key(end)
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{key.text}="))
        said = jwt.decode(
            token, public, ["EdDSA"], audience="hearth-api", issuer=ISSUER, options={"verify_iat": False}
        )
        assert (said["sub"], said["sid"], said["cus"]) == (CLAIMS.user_id, CLAIMS.session_id, CLAIMS.customer_id)
        assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": key.id, "typ": "JWT"}

    def test_g42_check_their_own_tokens_until_the_newest_ends(
        self, signer: JwtSigner, clock: SettableClock
    ) -> None:
        now, end = clock.now(), clock.now() + ACCESS_TOKEN_LIFE
        token, key, reader = signer.sign(CLAIMS, now, end), signer.key(end), JwtReader(ISSUER)
        assert reader.claims(token, now) == CLAIMS
        assert reader.is_signed(token, [key], now)
        assert not reader.is_signed(token, [], now)
        assert not reader.is_signed(token, [replace(key, id="another")], now)
        assert not reader.is_signed(token, [replace(key, text=key.text.swapcase())], now)
        assert not reader.is_signed(token, [key], end)

    def test_g42_that_are_too_short_sign_nothing(self, aws: PlayedAws, clock: SettableClock) -> None:
        rotate(1, json.dumps({"current": "short"}))
        with pytest.raises(ValueError, match="it needs 32"):
            SecretsManagerKeys("key", clock).current()


class TestWhatASessionTrusts:
    """A session's keys are added and removed with the tokens that they sign."""

    def test_g42_is_the_newest_key_and_those_whose_tokens_have_not_ended(self) -> None:
        session = replace(SESSION, token_keys=())
        for minutes, key_id in ((0, "one"), (5, "one"), (10, "two"), (19, "three")):
            now = START + timedelta(minutes=minutes)
            session = session.trusting(TokenKey(key_id, key_id, session.token_end(now)), now)
        assert [key.id for key in session.token_keys] == ["three", "two", "one"]
        now = START + timedelta(minutes=20)
        session = session.trusting(TokenKey("three", "three", session.token_end(now)), now)
        assert [(key.id, key.until) for key in session.token_keys] == [
            ("three", now + ACCESS_TOKEN_LIFE),
            ("two", START + timedelta(minutes=25)),
        ]

    def test_g42_no_token_outlives_its_session(self) -> None:
        assert SESSION.token_end(SESSION.ends_at - timedelta(minutes=1)) == SESSION.ends_at
