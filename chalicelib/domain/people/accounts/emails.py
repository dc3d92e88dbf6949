"""Normalise e-mail addresses, so that one mailbox has one account."""

import re

from chalicelib.domain.people.accounts.models import EmailAddress

MAX_EMAIL_LENGTH = 254  # RFC 5321 section 4.5.3.1.3 (a path of 256 with its brackets), RFC 3696 erratum 1690
_MAX_LOCAL_LENGTH = 64  # RFC 5321 section 4.5.3.1.1
_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")  # RFC 5321 Dot-string
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9-]{2,63}")
_MESSAGE = "This is not an e-mail address; one looks like name@example.com."


def normalise_email(text: str) -> EmailAddress:
    """Return `text` as a lower-case address with its domain in IDNA form (RFC 5891, UTS 46).

    Raises:
        ValueError: `text` is not an e-mail address, or is too long.
    """
    if len(text) > MAX_EMAIL_LENGTH:
        raise ValueError(f"An e-mail address has at most {MAX_EMAIL_LENGTH} characters.")
    local, at, domain = text.strip().rpartition("@")
    local = local.lower()
    if not at or len(local) > _MAX_LOCAL_LENGTH or not _LOCAL_PART.fullmatch(local):
        raise ValueError(_MESSAGE)
    import idna  # the tables of idna load slowly, and only requests with an address need them

    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode().lower()
    except UnicodeError as error:
        raise ValueError(_MESSAGE) from error
    address = f"{local}@{ascii_domain}"
    if not _DOMAIN.fullmatch(ascii_domain) or len(address) > MAX_EMAIL_LENGTH:
        raise ValueError(_MESSAGE)
    return EmailAddress(address)
