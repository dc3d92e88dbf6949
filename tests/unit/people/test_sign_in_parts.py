"""Parts of sign-in without a table: device names, delays, recovery codes, one-time codes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.totp import PyotpCodes
from chalicelib.domain.people.attempts.models import ATTEMPTS_WITHOUT_DELAY, MAX_DELAY_SECONDS, Tally
from chalicelib.domain.people.second_factor.recovery_codes import (
    new_recovery_codes,
    recovery_code_of,
    recovery_hash,
)
from chalicelib.domain.people.sign_in.devices import device_name
from tests.support.clock import START

_CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        (_CHROME.format("Windows NT 10.0; Win64; x64"), "Chrome on Windows"),
        (_CHROME.format("Macintosh; Intel Mac OS X 10_15_7") + " Edg/141.0.0.0", "Edge on macOS"),
        (_CHROME.format("Linux; Android 16; K"), "Chrome on Android"),
        (_CHROME.format("X11; CrOS x86_64 14541.0.0"), "Chrome on ChromeOS"),
        (_CHROME.format("Windows NT 10.0; Win64; x64") + " OPR/120.0", "Opera on Windows"),
        (
            "Mozilla/5.0 (iPad; CPU OS 19_0 like Mac OS X) AppleWebKit/605 CriOS/141 Mobile Safari/604",
            "Chrome on iPad",
        ),
        ("curl/8.14.1", "curl"),
        ("python-requests/2.32.5", "python-requests"),
        ("hearth-cli/1.0 (linux)", "hearth-cli"),
        ("", "Unknown device"),
        ("<script>", "Unknown device"),
        ("a" * 300, "a" * 60),
    ],
)
def test_clients_have_the_names_that_people_know(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name


@pytest.mark.guarantee("G45")
def test_g45_the_delay_doubles_up_to_a_quarter_of_an_hour() -> None:
    tallies = [Tally(attempts, START) for attempts in range(1, 20)]
    delays = [int((tally.next_at - START).total_seconds()) for tally in tallies]
    assert delays[:ATTEMPTS_WITHOUT_DELAY] == [0] * ATTEMPTS_WITHOUT_DELAY
    assert delays[ATTEMPTS_WITHOUT_DELAY:][:11] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, MAX_DELAY_SECONDS]
    assert set(delays[ATTEMPTS_WITHOUT_DELAY + 10 :]) == {900}
    assert Tally(10**6, START).next_at > START


@pytest.mark.guarantee("G42")
class TestRecoveryCodes:
    def test_g42_have_eighty_random_bits(self) -> None:
        codes = [code for _ in range(50) for code in new_recovery_codes()]
        assert len(set(codes)) == 500
        letters = "".join(codes).replace("-", "")
        assert len(letters) == 500 * 16
        assert set(letters) == set("0123456789abcdefghjkmnpqrstvwxyz")

    def test_g42_are_one_however_they_are_typed(self) -> None:
        [code, *_] = new_recovery_codes()
        plain = code.replace("-", "")
        for typed in (code, code.upper(), plain, f" {code} ", code.replace("-", " ")):
            assert recovery_code_of(typed) == plain
        assert recovery_code_of("OIL0-oil0-oil0-oil0") == "0110011001100110"

    def test_g42_have_another_hash_for_another_person(self) -> None:
        [code, *_] = new_recovery_codes()
        assert recovery_hash("usr_1", code) == recovery_hash("usr_1", code.upper())
        assert recovery_hash("usr_1", code) != recovery_hash("usr_2", code)
        with pytest.raises(ValueError, match="not a recovery code"):
            recovery_hash("usr_1", "123456")

    @given(st.text(max_size=40))
    def test_g42_anything_else_is_none(self, typed: str) -> None:
        found = recovery_code_of(typed)
        assert found is None or len(found) == 16


@pytest.mark.guarantee("G42")
class TestOneTimeCodes:
    SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890"

    @pytest.mark.parametrize(
        ("seconds", "code"),
        [
            (59, "287082"),
            (1111111109, "081804"),
            (1111111111, "050471"),
            (1234567890, "005924"),
            (2000000000, "279037"),
            (20000000000, "353130"),
        ],
    )
    def test_g42_are_those_of_rfc_6238(self, seconds: int, code: str) -> None:
        """The values are those of appendix B for SHA-1, the last six of eight digits."""
        assert PyotpCodes().step_of(self.SECRET, code, datetime.fromtimestamp(seconds, UTC)) == seconds // 30

    @pytest.mark.parametrize("typed", ["", "28708", "2870822", "287 082", "abcdef"])
    def test_g42_are_six_digits_and_nothing_else(self, typed: str) -> None:
        assert PyotpCodes().step_of(self.SECRET, typed, datetime.fromtimestamp(59, UTC)) is None

    def test_g42_have_secrets_of_160_random_bits(self) -> None:
        secrets = {PyotpCodes().new_secret() for _ in range(100)}
        assert len(secrets) == 100
        assert {len(secret) * 5 for secret in secrets} == {160}
