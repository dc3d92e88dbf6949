"""Renders mails. Each mail has two templates, text and HTML; the first line of the text is the subject."""

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Mail:
    """A rendered mail."""

    subject: str
    text: str
    html: str


def write(template: str, values: Mapping[str, str]) -> Mail:
    """Render `templates/<template>.txt` and `.html` with `values`.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
        jinja2.UndefinedError: the template uses a value that is not given.
    """
    subject, _, text = _environment().get_template(f"{template}.txt").render(values).partition("\n")
    html = _environment().get_template(f"{template}.html").render(values, subject=subject)
    return Mail(subject.strip(), text.strip() + "\n", html)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("chalicelib.adapters.mail"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
