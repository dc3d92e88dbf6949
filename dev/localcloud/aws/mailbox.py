"""The mailbox: the mails that the product sent through SES, for a browser or a test."""

import html
import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qs

from dev.localcloud.aws.asgi import Receive, Scope, Send, read_body, respond, respond_json

Entries = Callable[[], list[dict[str, Any]]]
"""Returns the messages of SES in ministack, of all accounts."""

_PAGE = """<!doctype html><meta charset="utf-8"><title>Mailbox</title>
<style>body{{font:16px/1.5 system-ui;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#223}}
article{{border:1px solid #ccd;border-radius:8px;padding:1rem;margin:1rem 0}}
h2{{margin:0;font-size:1.1rem}}small{{color:#667}}
pre{{white-space:pre-wrap;overflow-wrap:anywhere;font:14px/1.5 ui-monospace,monospace}}</style>
<h1>Mailbox</h1>{messages}"""

_MESSAGE = """<article><h2>{subject}</h2><small>to {to} · {time}</small><pre>{text}</pre></article>"""


class Mailbox:
    """`GET /messages?to=` as JSON, newest first; `GET /` as a page; `DELETE /messages`."""

    def __init__(self, entries: Entries, forget: Callable[[], None]) -> None:
        self._entries = entries
        self._forget = forget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await read_body(receive)
        query = parse_qs(scope["query_string"].decode())
        messages = self.messages(query.get("to", [""])[0])
        match scope["method"], scope["path"]:
            case "GET", "/messages":
                await respond_json(send, 200, messages)
            case "DELETE", "/messages":
                self._forget()
                await respond_json(send, 200, {"forgotten": len(messages)})
            case "GET", "/":
                await respond(send, 200, _page(messages).encode(), "text/html; charset=utf-8")
            case _:
                await respond_json(send, 404, {"message": "GET / or GET /messages?to="})

    def messages(self, to: str = "") -> list[dict[str, Any]]:
        """Messages to the address `to`, or all; newest first."""
        read = [_message(entry) for entry in self._entries()]
        wanted = to.casefold()
        mine = [message for message in read if not to or wanted in _addresses(message)]
        return sorted(mine, key=lambda message: str(message["time"]), reverse=True)


def _addresses(message: dict[str, Any]) -> set[str]:
    """The addresses of the recipients, without display names."""
    return {parseaddr(recipient)[1].casefold() for recipient in message["to"]}


def _message(entry: dict[str, Any]) -> dict[str, Any]:
    sent_at = datetime.fromtimestamp(entry["Timestamp"], UTC)
    return {
        "id": entry["MessageId"],
        "from": entry.get("Source", ""),
        "to": [*entry.get("To", []), *entry.get("CC", []), *entry.get("BCC", [])],
        "subject": entry.get("Subject", ""),
        "text": entry.get("BodyText") or "",
        "html": entry.get("BodyHtml") or "",
        "time": sent_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }


def _page(messages: list[dict[str, Any]]) -> str:
    articles = [
        _MESSAGE.format(
            subject=html.escape(message["subject"]),
            to=html.escape(", ".join(message["to"])),
            time=message["time"],
            text=html.escape(message["text"] or json.dumps(message["html"])),
        )
        for message in messages
    ]
    return _PAGE.format(messages="".join(articles) or "<p>No mail yet.</p>")
