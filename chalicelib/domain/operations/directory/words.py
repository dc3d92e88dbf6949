"""What customers are found by: words without accents or capitals, and addresses with their domains."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

MIN_WORD_LENGTH = 2
MAX_WORD_LENGTH = 40
MAX_WORDS = 40
"""Of one customer: changing all of them fits into one transaction."""
_WORD = re.compile(r"[^\W_]+")
_AROUND = ".,:;!?()[]<>\"'"


def plain(text: str) -> str:
    """`text` without accents and capitals: `Müller` is found by `muller`."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def words_of_name(name: str) -> Iterator[str]:
    """Every word of a person's or a company's name."""
    yield from _WORD.findall(plain(name))


def words_of_address(email: str) -> Iterator[str]:
    """The address, the words before its @, its domain, and the domains above that but the topmost."""
    address = plain(email)
    local, _, domain = address.partition("@")
    yield address
    labels = domain.split(".")
    yield from (".".join(labels[start:]) for start in range(max(1, len(labels) - 1)))
    yield from _WORD.findall(local)


def kept(words: Iterable[str]) -> tuple[str, ...]:
    """Those that are kept, each once and cut to a bound: the first of too many."""
    cut = (word[:MAX_WORD_LENGTH] for word in words if len(word) >= MIN_WORD_LENGTH)
    return tuple(dict.fromkeys(cut))[:MAX_WORDS]


def terms_of(search: str) -> tuple[str, ...]:
    """What somebody looks for, longest first; each is the beginning of a word that is kept.

    What has an @ or a dot in it is part of an address; all else is words.
    """
    terms: list[str] = []
    for piece in plain(search).split():
        text = piece.strip(_AROUND)
        terms += [text] if "@" in text or "." in text else _WORD.findall(text)
    return tuple(sorted(kept(terms), key=len, reverse=True))
