"""The rules of addresses, passwords and secrets."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.passwords.argon2id import ITERATIONS, LANES, MEMORY_KIB, Argon2idPasswords
from chalicelib.domain.people.accounts.emails import normalise_email
from chalicelib.domain.people.accounts.models import EmailAddress, LinkPurpose, Password
from chalicelib.domain.people.accounts.passwords import new_password, typed_password
from chalicelib.domain.people.accounts.tokens import RefreshToken, new_secret
from chalicelib.domain.people.sessions.models import ACCESS_TOKEN_LIFE, SESSION_LIFE
from chalicelib.kernel.errors import InvalidInput, Unauthorized
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from tests.support.clock import START

ADA = EmailAddress("ada@example.com")


class TestAddresses:
    @pytest.mark.parametrize(
        ("typed", "address"),
        [
            (" Ada@Example.COM ", "ada@example.com"),
            ("ada+cloud@example.com", "ada+cloud@example.com"),
            ("o'neil.x@mail.example.co.uk", "o'neil.x@mail.example.co.uk"),
            ("ada@EXÄMPLE.com", "ada@xn--exmple-cua.com"),
            ("ada@xn--exmple-cua.com", "ada@xn--exmple-cua.com"),
            ("ada@example。com", "ada@example.com"),
        ],
    )
    def test_have_one_form(self, typed: str, address: str) -> None:
        assert normalise_email(typed) == address
        assert normalise_email(address) == address

    @pytest.mark.parametrize(
        "typed",
        [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada@exa mple.com",
            "ada@-example.com",
            "ada@example..com",
            "ada@ex_ample.com",
            "ada@xn--zzzzzzzzz-.com",
            ".ada@example.com",
            "a..da@example.com",
            "a da@example.com",
            '"a da"@example.com',
            "ада@example.com",
            "ada@example.com\nbcc:x@example.com",
            f"{'a' * 65}@example.com",
            f"ada@{'a' * 64}.com",
            f"ada@{'a.' * 130}com",
        ],
    )
    def test_are_refused_by_form(self, typed: str) -> None:
        with pytest.raises(ValueError, match="e-mail address"):
            normalise_email(typed)

    @given(st.text(max_size=300))
    def test_are_a_plain_lower_case_text_or_refused(self, typed: str) -> None:
        try:
            address = normalise_email(typed)
        except ValueError:
            return
        assert address.isascii()
        assert address == address.lower()
        assert normalise_email(address) == address


NOBODY_KNOWS = Argon2idPasswords(memory_kib=64, iterations=1)


@pytest.mark.guarantee("G42")
class TestPasswords:
    def test_g42_have_ten_to_a_hundred_and_twenty_eight_characters(self) -> None:
        for right in ("x" * 10, "x" * 128, "🔥" * 10):
            assert new_password(right, ADA, NOBODY_KNOWS) == right
        for wrong in ("x" * 9, "x" * 129, "🔥" * 9, ""):
            with pytest.raises(InvalidInput) as refused:
                new_password(wrong, ADA, NOBODY_KNOWS)
            assert refused.value.details[0].field == "password"

    def test_g42_are_not_the_address(self) -> None:
        for wrong in (ADA, ADA.upper(), f" {ADA} "):
            with pytest.raises(InvalidInput):
                new_password(wrong, ADA, NOBODY_KNOWS)

    def test_g42_are_the_same_from_any_keyboard(self) -> None:
        assert typed_password("A\u030angstrom ﬁve") == typed_password("Ångstrom five")

    def test_g42_are_hashed_with_argon2id_at_owasps_parameters(self) -> None:
        assert (MEMORY_KIB, ITERATIONS, LANES) == (19_456, 2, 1)
        kept = Argon2idPasswords().hash(Password("correct horse"))
        assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert Argon2idPasswords().matches(Password("correct horse"), kept)
        assert not Argon2idPasswords().matches(Password("correct house"), kept)

    def test_g42_are_salted(self) -> None:
        passwords = Argon2idPasswords(memory_kib=64, iterations=1)
        assert passwords.hash(Password("same")) != passwords.hash(Password("same"))

    def test_g42_never_match_no_hash(self) -> None:
        passwords = Argon2idPasswords(memory_kib=64, iterations=1)
        for guess in ("", "anything", "\x00" * 32):
            assert not passwords.matches(Password(guess), None)

    def test_g42_are_outdated_when_the_parameters_change(self) -> None:
        old, new = Argon2idPasswords(memory_kib=64, iterations=1), Argon2idPasswords(memory_kib=64, iterations=2)
        kept = old.hash(Password("correct horse"))
        assert new.is_outdated(kept)
        assert not old.is_outdated(kept)
        assert new.matches(Password("correct horse"), kept)


@pytest.mark.guarantee("G42")
class TestSecrets:
    def test_g42_have_256_bits(self) -> None:
        assert len(new_secret()) == 43  # base64 of 32 bytes
        assert len({new_secret() for _ in range(100)}) == 100
        assert len(hash_of(new_secret())) == 64

    def test_g42_refresh_tokens_are_read_as_they_were_written(self) -> None:
        token = RefreshToken(new_id(Kind.USER, START), new_id(Kind.SESSION, START), new_secret(), new_secret())
        assert RefreshToken.parse(token.text()) == token

    @given(st.text())
    def test_g42_anything_else_is_no_refresh_token(self, text: str) -> None:
        with pytest.raises(Unauthorized):
            RefreshToken.parse(text)

    def test_g42_end(self) -> None:
        assert timedelta(minutes=15) == ACCESS_TOKEN_LIFE
        assert timedelta(days=30) == SESSION_LIFE
        assert LinkPurpose.VERIFY_EMAIL.life == timedelta(hours=24)
        assert LinkPurpose.RESET_PASSWORD.life == timedelta(hours=1)
