"""The words by which searches find customers: without accents or capitals, and parts of addresses."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

MIN_WORD_LENGTH = 2
MAX_WORD_LENGTH = 40
MAX_WORDS = 40
"""Per customer, so that one transaction can replace all of them."""
_WORD = re.compile(r"[^\W_]+")
_AROUND = ".,:;!?()[]<>\"'"


def plain(text: str) -> str:
    """Return `text` without accents and capitals, so that `muller` finds `Müller`."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def words_of_name(name: str) -> Iterator[str]:
    """Yield every word of a person's or a company's name."""
    yield from _WORD.findall(plain(name))


def words_of_address(email: str) -> Iterator[str]:
    """Yield the address, the words before its @, its domain, and the parent domains except the top-level one."""
    address = plain(email)
    local, _, domain = address.partition("@")
    yield address
    labels = domain.split(".")
    yield from (".".join(labels[start:]) for start in range(max(1, len(labels) - 1)))
    yield from _WORD.findall(local)


def kept(words: Iterable[str]) -> tuple[str, ...]:
    """Return the words to store, each once and cut to a maximum length; at most `MAX_WORDS`, the first ones."""
    cut = (word[:MAX_WORD_LENGTH] for word in words if len(word) >= MIN_WORD_LENGTH)
    return tuple(dict.fromkeys(cut))[:MAX_WORDS]


def terms_of(search: str) -> tuple[str, ...]:
    """Return the words of a search, longest first; each is compared with the beginnings of stored words.

    A word with an @ or a dot is taken as part of an address.
    """
    terms: list[str] = []
    for piece in plain(search).split():
        text = piece.strip(_AROUND)
        terms += [text] if "@" in text or "." in text else _WORD.findall(text)
    return tuple(sorted(kept(terms), key=len, reverse=True))
