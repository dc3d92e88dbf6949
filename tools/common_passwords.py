"""Writes the list of common passwords that functions read, from the list in the package zxcvbn (MIT):

    python -m tools.common_passwords

The list has the beginnings of SHA-1 hashes, sorted: of each common password that is long enough for a user to
choose, and of each that can be the base of a longer one.
"""

import argparse
from pathlib import Path

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from chalicelib.adapters.passwords.breaches import MIN_BASE_LENGTH, hash_of_listed
from chalicelib.domain.people.accounts.passwords import MIN_PASSWORD_LENGTH

LIST = Path(__file__).parents[1] / "chalicelib/adapters/passwords/data/common_passwords.bin"


def contents() -> bytes:
    """The content of the list's file."""
    common = {password.casefold() for password in FREQUENCY_LISTS["passwords"]}
    return b"".join(sorted({hash_of_listed(password) for password in common if _is_of_use(password)}))


def _is_of_use(password: str) -> bool:
    """Whether `password` is long enough to be chosen, or can be a base: that begins and ends with letters."""
    is_base = len(password) >= MIN_BASE_LENGTH and all("a" <= edge <= "z" for edge in (password[0], password[-1]))
    return len(password) >= MIN_PASSWORD_LENGTH or is_base


def main() -> None:
    """Write the list."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    LIST.write_bytes(contents())


if __name__ == "__main__":
    main()
