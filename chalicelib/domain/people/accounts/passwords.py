"""Rules for passwords."""

import unicodedata

from chalicelib.domain.people.accounts.emails import normalise_email
from chalicelib.domain.people.accounts.models import EmailAddress, Password
from chalicelib.domain.people.accounts.ports import KnownPasswords
from chalicelib.kernel.errors import InvalidInput

MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 128
_BREACHED = "Others know this password: it is on lists that are tried first. Choose another."


def typed_password(text: str) -> Password:
    """Return `text` in NFKC form, so that different keyboards give the same password (NIST SP 800-63B,
    5.1.1.2).
    """
    return Password(unicodedata.normalize("NFKC", text))


def new_password(text: str, email: EmailAddress, known: KnownPasswords) -> Password:
    """Return `text` as a password that the owner of `email` may choose.

    Raises:
        InvalidInput: it is too short, too long, equal to the address, or on a list of breached passwords (NIST SP
            800-63B, 5.1.1.2).
    """
    password = typed_password(text)
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidInput.of(
            "password", f"A password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters."
        )
    if _is_address(password, email):
        raise InvalidInput.of("password", "A password must not be your e-mail address.")
    if known.is_breached(password):
        raise InvalidInput.of("password", _BREACHED)
    return password


def _is_address(password: Password, email: EmailAddress) -> bool:
    try:
        return normalise_email(password) == email
    except ValueError:
        return False
