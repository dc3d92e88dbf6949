"""Which SSH public keys are accepted. Another implementation (cryptography) and `ssh-keygen` make the keys."""

import base64
import hashlib
import struct
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_public_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cloud.ssh_keys.models import Algorithm
from chalicelib.domain.cloud.ssh_keys.public_keys import UnusableKey, parse_public_key

# `ssh-keygen` made it and printed the fingerprint.
_KNOWN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF/dBdkpu05uTJROrCBcxP9qagmuaM1aHkLy+Hcp5l4r user@host"
_KNOWN_FINGERPRINT = "SHA256:/5jV4YOUYGUaHPQ7gm5GZAPiWlq/BqYFHGEQhN/7xzs"
_CURVES: dict[Algorithm, ec.EllipticCurve] = {
    Algorithm.ECDSA_256: ec.SECP256R1(),
    Algorithm.ECDSA_384: ec.SECP384R1(),
    Algorithm.ECDSA_521: ec.SECP521R1(),
}
_PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def private_key(algorithm: Algorithm, rsa_bits: int = 2048) -> _PrivateKey:
    if algorithm is Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm is Algorithm.RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
    return ec.generate_private_key(_CURVES[algorithm])


def openssh(algorithm: Algorithm, rsa_bits: int = 2048) -> str:
    public = private_key(algorithm, rsa_bits).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def blob_of(text: str) -> bytes:
    return base64.b64decode(text.split()[1])


def wire(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def line(name: str, blob: bytes) -> str:
    return f"{name} {base64.b64encode(blob).decode()}"


def parts_of(blob: bytes) -> list[bytes]:
    parts = []
    while blob:
        (length,) = struct.unpack(">I", blob[:4])
        parts.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return parts


def refusal(text: str) -> str:
    with pytest.raises(UnusableKey) as refused:
        parse_public_key(text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("algorithm", "bits"),
    [
        (Algorithm.ED25519, 256),
        (Algorithm.ECDSA_256, 256),
        (Algorithm.ECDSA_384, 384),
        (Algorithm.ECDSA_521, 521),
        (Algorithm.RSA, 2048),
    ],
)
@pytest.mark.parametrize("comment", ["", " me@laptop", "\tme@laptop\t", "  a comment of several words ", "\n"])
def test_keys_of_every_kind_are_taken_without_their_comment(algorithm: Algorithm, bits: int, comment: str) -> None:
    text = openssh(algorithm)
    key = parse_public_key(text + comment)
    assert (key.algorithm, key.bits, key.text) == (algorithm, bits, text)
    digest = base64.b64encode(hashlib.sha256(blob_of(text)).digest()).decode().rstrip("=")
    assert key.fingerprint == f"SHA256:{digest}"


@pytest.mark.parametrize("between", ["\t", "  ", " \t "])
def test_a_key_is_taken_with_tabs_between_its_parts(between: str) -> None:
    text = openssh(Algorithm.ED25519)
    assert parse_public_key(text.replace(" ", between) + between + "me@laptop").text == text


def test_a_fingerprint_is_the_one_that_ssh_keygen_shows() -> None:
    key = parse_public_key(_KNOWN)
    assert key.text == _KNOWN.rsplit(" ", 1)[0]
    assert key.fingerprint == _KNOWN_FINGERPRINT


def test_longer_rsa_keys_are_taken_and_shorter_ones_are_not() -> None:
    assert parse_public_key(openssh(Algorithm.RSA, 3072)).bits == 3072
    assert "has 1024 bits" in refusal(openssh(Algorithm.RSA, 1024))


def test_an_rsa_key_without_end_is_refused() -> None:
    modulus = (1 << 16400) | 1
    size = modulus.bit_length() // 8 + 1
    blob = wire(b"ssh-rsa", b"\x01\x00\x01", modulus.to_bytes(size))
    assert "has 16401 bits" in refusal(line("ssh-rsa", blob))


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("algorithm", [Algorithm.RSA, Algorithm.ECDSA_256])
def test_a_private_key_is_refused_without_a_word_of_it(algorithm: Algorithm, form: PrivateFormat) -> None:
    pem = private_key(algorithm).private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    message = refusal(pem)
    assert message.startswith("This is a private key")
    assert not any(len(word) > 20 and word in message for word in pem.split())


def test_private_keys_are_known_without_their_first_line_and_in_puttys_form() -> None:
    form = private_key(Algorithm.ED25519).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    body = "".join(form.decode().splitlines()[1:-1])
    assert refusal(f"ssh-ed25519 {body}").startswith("This is a private key")
    assert refusal("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none").startswith("This is a private key")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "hello",
        "ssh-dss AAAAB3NzaC1kc3MAAACBAP",
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t",
        'command="/bin/sh" ssh-ed25519 AAAA',
        "ssh-ed25519-cert-v01@openssh.com AAAA",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_other_texts_are_refused_and_the_error_says_what_is_accepted(text: str) -> None:
    message = refusal(text)
    assert "ssh-ed25519" in message or "single line" in message


def test_dsa_is_refused() -> None:
    blob = wire(b"ssh-dss", *[b"\x00\x80" + b"\x01" * 128] * 4)
    assert "not a kind of key that is taken" in refusal(line("ssh-dss", blob))


def test_several_keys_at_once_are_refused() -> None:
    assert "single line" in refusal(f"{openssh(Algorithm.ED25519)}\n{openssh(Algorithm.RSA)}")


@pytest.mark.parametrize(
    ("name", "blob"),
    [
        ("ssh-ed25519", b""),
        ("ssh-ed25519", wire(b"ssh-ed25519")),
        ("ssh-ed25519", wire(b"ssh-ed25519", b"\x01" * 31)),
        ("ssh-ed25519", wire(b"ssh-ed25519", b"\x01" * 32, b"")),
        ("ssh-ed25519", wire(b"ssh-ed25519", b"\x01" * 32) + b"\x00"),
        ("ssh-ed25519", wire(b"ssh-ed25519", b"\x01" * 32)[:-1]),
        ("ssh-ed25519", wire(b"ssh-rsa", b"\x01" * 32)),
        ("ssh-rsa", wire(b"ssh-rsa", b"\x01\x00\x01")),
        ("ecdsa-sha2-nistp256", wire(b"ecdsa-sha2-nistp256", b"nistp384", b"\x04" + b"\x01" * 64)),
        ("ecdsa-sha2-nistp256", wire(b"ecdsa-sha2-nistp256", b"nistp256", b"\x04" + b"\x01" * 64)),
        ("ecdsa-sha2-nistp256", wire(b"ecdsa-sha2-nistp256", b"nistp256", b"\x04" + b"\xff" * 64)),
        ("ecdsa-sha2-nistp256", wire(b"ecdsa-sha2-nistp256", b"nistp256", b"\x02" + b"\x01" * 32)),
        ("ecdsa-sha2-nistp256", wire(b"ecdsa-sha2-nistp256", b"nistp256", b"\x00")),
    ],
)
def test_damaged_keys_are_refused(name: str, blob: bytes) -> None:
    assert "is damaged" in refusal(line(name, blob))


@pytest.mark.parametrize("encoded", ["", "AAAA!", "AAA", "ÄÖÜ"])
def test_what_is_not_base64_is_refused(encoded: str) -> None:
    assert "is damaged" in refusal(f"ssh-ed25519 {encoded}")


@pytest.mark.parametrize("exponent", [b"\x02", b"\x01", b"", b"\x00", b"\x00\x03", b"\xff\xff"])
def test_rsa_exponents_that_no_key_has_are_refused(exponent: bytes) -> None:
    _, _, modulus = parts_of(blob_of(openssh(Algorithm.RSA)))
    assert "is damaged" in refusal(line("ssh-rsa", wire(b"ssh-rsa", exponent, modulus)))


def test_an_exponent_beyond_its_modulus_is_refused() -> None:
    _, _, modulus = parts_of(blob_of(openssh(Algorithm.RSA)))
    beyond = modulus[:1] + b"\xff" * (len(modulus) - 1)
    assert "is damaged" in refusal(line("ssh-rsa", wire(b"ssh-rsa", beyond, modulus)))


def test_a_point_that_is_written_beyond_its_field_is_refused() -> None:
    name, curve, point = parts_of(blob_of(openssh(Algorithm.ECDSA_521)))
    beyond = int.from_bytes(point[1:67]) + 2**521 - 1
    blob = wire(name, curve, b"\x04" + beyond.to_bytes(66) + point[67:])
    assert "is damaged" in refusal(line("ecdsa-sha2-nistp521", blob))


def test_an_even_or_negative_modulus_is_refused() -> None:
    _, exponent, modulus = parts_of(blob_of(openssh(Algorithm.RSA)))
    even = modulus[:-1] + bytes([modulus[-1] & 0xFE])
    negative = modulus[1:]
    for wrong in (even, negative):
        assert "is damaged" in refusal(line("ssh-rsa", wire(b"ssh-rsa", exponent, wrong)))


@settings(deadline=None)  # hypothesis: the first example of each kind makes a key
@given(st.sampled_from(list(Algorithm)), st.data())
def test_a_flipped_bit_is_refused_or_is_a_key_to_others_too(algorithm: Algorithm, data: st.DataObject) -> None:
    blob = bytearray(blob_of(openssh(algorithm)))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    text = line(algorithm.value, bytes(blob))
    try:
        key = parse_public_key(text)
    except UnusableKey:
        return
    assert key.text == text
    load_ssh_public_key(text.encode())


@given(st.text(max_size=400))
def test_no_text_makes_it_fail_in_any_other_way(text: str) -> None:
    for candidate in (text, f"ssh-rsa {text}", f"ssh-ed25519 {base64.b64encode(text.encode(errors='replace'))!r}"):
        with pytest.raises(UnusableKey):
            parse_public_key(candidate)


@given(st.sampled_from(list(Algorithm)), st.binary(max_size=300))
def test_no_bytes_make_it_fail_in_any_other_way(algorithm: Algorithm, rest: bytes) -> None:
    try:
        key = parse_public_key(line(algorithm.value, wire(algorithm.encode()) + rest))
    except UnusableKey:
        return
    assert key.algorithm is Algorithm.ED25519
