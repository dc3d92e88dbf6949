"""The payment reference that a customer writes into a bank transfer, and how it is found in the bank's data.

It is a creditor reference of ISO 11649: `RF`, two check digits (MOD 97-10, ISO 7064) and a payload. The payload is
fourteen consonants, for three reasons. The whole reference has 18 characters, the most that the United Kingdom's
Faster Payments transmit. In a payload of letters alone, each letter counts as two digits, so the check digits
detect every wrong character and every swap of two neighbours; with letters and digits mixed they would not. And
because the payload has no digits, a digit that was typed instead of a similar letter can be read as that letter.

The payload's first letter encodes the currency that was asked for, so that money in another currency is not
mistaken for it.
"""

import hashlib
import re
import unicodedata

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
PAYLOAD_LENGTH = 14
CURRENCY_LETTERS = {"USD": "S", "EUR": "R", "GBP": "P", "CAD": "C", "CHF": "F", "AED": "D"}
REFERENCE_LENGTH = 4 + PAYLOAD_LENGTH
REFERENCE_PATTERN = rf"RF[0-9]{{2}}[{ALPHABET}]{{{PAYLOAD_LENGTH}}}"

_LETTER_FOR = {"8": "B", "6": "G", "1": "L", "I": "L", "5": "S", "2": "Z"}
_DIGIT_FOR = {"B": "8", "G": "6", "I": "1", "L": "1", "O": "0", "Q": "0", "S": "5", "Z": "2"}
_READ_LETTER = str.maketrans(_LETTER_FOR)
_READ_DIGIT = str.maketrans(_DIGIT_FOR)

_LETTER = f"[{ALPHABET}{''.join(_LETTER_FOR)}]"
_DIGIT = f"[0-9{''.join(_DIGIT_FOR)}]"
# A look-ahead, so that candidates may overlap.
_CANDIDATE = re.compile(rf"(?=RF(?P<check>{_DIGIT}{{2}})(?P<payload>{_LETTER}{{{PAYLOAD_LENGTH}}}))")
_ATTEMPT = re.compile(rf"RF{_DIGIT}{{2}}[A-Z0-9]{{8}}")
_NOISE = re.compile(r"[\W_]+")


def reference_of(top_up_id: str, currency: str) -> str:
    """The reference of a top-up: always the same; its 56 bits make two equal ones among a million unlikely.

    Raises:
        ValueError: bank transfers in `currency` are not supported.
    """
    if currency not in CURRENCY_LETTERS:
        raise ValueError(f"no bank transfers in {currency}")
    number = int.from_bytes(hashlib.sha256(f"bank reference of {top_up_id}".encode()).digest(), "big")
    payload = CURRENCY_LETTERS[currency]
    while len(payload) < PAYLOAD_LENGTH:
        number, digit = divmod(number, len(ALPHABET))
        payload += ALPHABET[digit]
    return f"RF{_check_digits(payload)}{payload}"


def currency_of(reference: str) -> str | None:
    """The currency that a reference was made for; None if `reference` is not one of ours."""
    if not is_reference(reference):
        return None
    return next((name for name, letter in CURRENCY_LETTERS.items() if reference[4] == letter), None)


def is_reference(text: str) -> bool:
    """Whether `text` is one of our references exactly as we write it, with correct check digits."""
    return re.fullmatch(REFERENCE_PATTERN, text, re.ASCII) is not None and _check_digits(text[4:]) == text[2:4]


def find_references(text: str) -> tuple[str, ...]:
    """The different references in free text, in order of appearance, as we write them.

    Case, spaces, punctuation and line breaks are ignored, even inside a reference. A digit is read as the letter
    that it resembles, or the other way round, depending on its place. Only candidates with correct check digits
    are returned.
    """
    candidates = (
        (match["check"].translate(_READ_DIGIT), match["payload"].translate(_READ_LETTER))
        for match in _CANDIDATE.finditer(normalized(text))
    )
    found = (f"RF{check}{payload}" for check, payload in candidates if _check_digits(payload) == check)
    return tuple(dict.fromkeys(found))


def holds_attempt(text: str) -> bool:
    """Whether the text seems to contain an attempt at a reference; staff look at these first."""
    return _ATTEMPT.search(normalized(text)) is not None


def normalized(text: str) -> str:
    """`text` without everything but letters and digits, in capitals and in Unicode form NFKC."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).upper()


def _check_digits(payload: str) -> str:
    """The check digits of ISO 11649: 98 − (payload + `RF00`, with letters as 10 to 35) modulo 97."""
    number = int("".join(str(int(character, 36)) for character in f"{payload}RF00"))
    return f"{98 - number % 97:02d}"
