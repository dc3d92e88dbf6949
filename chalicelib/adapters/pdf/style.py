"""Fonts, colours and text styles of the pages."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph

if TYPE_CHECKING:
    from collections.abc import Iterator

REGULAR = "Roboto-Regular"
MEDIUM = "Roboto-Medium"
INK = HexColor("#1f2933")
QUIET = HexColor("#66727f")
HAIRLINE = HexColor("#d9dee3")
SHADE = HexColor("#f6f4f2")
EMBER = HexColor("#b8431a")

_FONTS = Path(__file__).parent / "fonts"
_EAST_ASIAN = (
    ("HeiseiKakuGo-W5", ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F))),
    ("HYGothic-Medium", ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF))),
    ("STSong-Light", ((0x2E80, 0x303F), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0xFF00, 0xFF65))),
)
"""Fonts that PDF readers provide themselves, each with the ranges of characters that it is used for."""


@cache
def register_fonts() -> None:
    """Register the fonts with ReportLab, once per process."""
    for name in (REGULAR, MEDIUM):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=MEDIUM, italic=REGULAR, boldItalic=MEDIUM)
    for name, _ in _EAST_ASIAN:
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def _style(name: str, size: float, leading: float, font: str = REGULAR, color: Color = INK) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=leading, textColor=color, splitLongWords=1)


def _right(style: ParagraphStyle) -> ParagraphStyle:
    return ParagraphStyle(f"{style.name}, right", style, alignment=TA_RIGHT)


BODY = _style("body", 8.5, 12)
NUMBER = _right(BODY)
STRONG = _style("strong", 8.5, 12, MEDIUM)
STRONG_NUMBER = _right(STRONG)
TOTAL = _style("total", 11, 15, MEDIUM)
TOTAL_NUMBER = _right(TOTAL)
HEAD = _style("head", 7.5, 10, color=QUIET)
HEAD_NUMBER = _right(HEAD)
SMALL = _style("small", 7.5, 10.5, color=QUIET)
SECTION = ParagraphStyle("section", TOTAL, spaceBefore=16, spaceAfter=6)
TITLE = _right(_style("title", 24, 28, MEDIUM))
SELLER = _style("seller", 14, 18, MEDIUM)


def paragraph(text: str, style: ParagraphStyle = BODY) -> Paragraph:
    """`text` in `style`; newlines in the text end lines."""
    return Paragraph("<br/>".join(_marked(line) for line in text.split("\n")), style)


def cell(text: str, style: ParagraphStyle = BODY) -> Paragraph:
    """`text` for a table cell; everything after its first line is small and grey."""
    first, _, rest = text.partition("\n")
    below = (
        f'<br/><font size="7" color="{QUIET.hexval().replace("0x", "#")}">{_marked(rest)}</font>' if rest else ""
    )
    return Paragraph(_marked(first) + below, style)


def _marked(text: str) -> str:
    """`text` as markup, with each run of characters in a font that has them; a character that no font has becomes
    `?`.
    """
    marked: list[str] = []
    for font, run in _runs(text):
        marked.append(escape(run) if font == REGULAR else f'<font name="{font}">{escape(run)}</font>')
    return "".join(marked)


def _runs(text: str) -> "Iterator[tuple[str, str]]":
    run, font = "", REGULAR
    for character in text:
        wanted, shown = _font_of(character)
        if wanted != font and run:
            yield font, run
            run = ""
        run, font = run + shown, wanted
    if run:
        yield font, run


def _font_of(character: str) -> tuple[str, str]:
    code = ord(character)
    if code in _characters():
        return REGULAR, character
    for name, spans in _EAST_ASIAN:
        if any(first <= code <= last for first, last in spans):
            return name, character
    return REGULAR, "?"


@cache
def _characters() -> frozenset[int]:
    """The characters in the Roboto file that we ship."""
    return frozenset(TTFont(REGULAR, str(_FONTS / f"{REGULAR}.ttf")).face.charToGlyph)
