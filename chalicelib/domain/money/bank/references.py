"""The reference that a payer types into a bank transfer, and finding it again in what the bank passes on.

It is a creditor reference of ISO 11649: `RF`, two check digits (MOD 97-10, ISO 7064) and a payload. The payload
is fourteen consonants, for three reasons. The whole has 18 characters, as many as the United Kingdom's Faster
Payments let through. A payload of letters alone, each counted as two digits, lets the check digits catch every
wrong character and every two neighbours swapped, which a mixture of letters and digits would not. And where no
digit can stand, a digit that was typed for the letter it looks like can be read as that letter.

The payload's first letter is the currency that was asked for, so that money in another one is not taken for it.
"""

import hashlib
import re
import unicodedata

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
PAYLOAD_LENGTH = 14
CURRENCY_LETTERS = {"USD": "S", "EUR": "R", "GBP": "P", "CAD": "C", "CHF": "F", "AED": "D"}
REFERENCE_LENGTH = 4 + PAYLOAD_LENGTH
REFERENCE_PATTERN = rf"RF\d{{2}}[{ALPHABET}]{{{PAYLOAD_LENGTH}}}"

_LETTER_FOR = {"8": "B", "6": "G", "1": "L", "I": "L", "5": "S", "2": "Z"}
_DIGIT_FOR = {"B": "8", "G": "6", "I": "1", "L": "1", "O": "0", "Q": "0", "S": "5", "Z": "2"}
_READ_LETTER = str.maketrans(_LETTER_FOR)
_READ_DIGIT = str.maketrans(_DIGIT_FOR)

_LETTER = f"[{ALPHABET}{''.join(_LETTER_FOR)}]"
_DIGIT = f"[0-9{''.join(_DIGIT_FOR)}]"
# Within a look-ahead, so that candidates may overlap.
_CANDIDATE = re.compile(rf"(?=RF(?P<check>{_DIGIT}{{2}})(?P<payload>{_LETTER}{{{PAYLOAD_LENGTH}}}))")
_ATTEMPT = re.compile(rf"RF{_DIGIT}{{2}}[A-Z0-9]{{8}}")
_NOISE = re.compile(r"[\W_]+")


def reference_of(top_up_id: str, currency: str) -> str:
    """The reference of a top-up: always the same, and of 56 bits, so that no two of a million agree.

    Raises:
        ValueError: no transfers are taken in that currency.
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
    """The currency that a reference was made for; None where it is none of ours."""
    if not is_reference(reference):
        return None
    return next((name for name, letter in CURRENCY_LETTERS.items() if reference[4] == letter), None)


def is_reference(text: str) -> bool:
    """Whether `text` is a reference of ours exactly as we write it, with the right check digits."""
    return re.fullmatch(REFERENCE_PATTERN, text, re.ASCII) is not None and _check_digits(text[4:]) == text[2:4]


def find_references(text: str) -> tuple[str, ...]:
    """The different references in free text, in their order, as we write them.

    Case, spaces, punctuation and line breaks do not matter, nor whether they tore the reference apart; digits and
    letters that look alike are read as what can stand in their place. The check digits decide.
    """
    candidates = (
        (match["check"].translate(_READ_DIGIT), match["payload"].translate(_READ_LETTER))
        for match in _CANDIDATE.finditer(squeezed(text))
    )
    found = (f"RF{check}{payload}" for check, payload in candidates if _check_digits(payload) == check)
    return tuple(dict.fromkeys(found))


def holds_attempt(text: str) -> bool:
    """Whether somebody seems to have tried to write a reference: what people should look at first."""
    return _ATTEMPT.search(squeezed(text)) is not None


def squeezed(text: str) -> str:
    """Letters and digits only, in capitals and in their plain form (Unicode NFKC)."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).upper()


def _check_digits(payload: str) -> str:
    """ISO 11649: the payload, `RF` and `00`, letters as 10 to 35, modulo 97, taken from 98."""
    number = int("".join(str(int(character, 36)) for character in f"{payload}RF00"))
    return f"{98 - number % 97:02d}"
