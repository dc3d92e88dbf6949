"""The page on which a developer acts as the payer."""

import html
from typing import Final
from urllib.parse import urlencode

from dev.simulators.http import Request, Response
from dev.simulators.paypal.bank import Bank
from dev.simulators.paypal.wire import Refusal

PREFIX: Final = "/checkoutnow"
_DECLINED: Final = "INSTRUMENT_DECLINED"
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simulated PayPal</title>
<style>body{{font:16px system-ui;max-width:26em;margin:4em auto;padding:0 1em}}b{{font-size:1.6em}}
button{{font:inherit;padding:.6em 1.2em;margin:.3em 0;width:100%}}</style></head>
<body><p>Simulated PayPal: no money moves.</p><p>{description}<br><b>{amount}</b></p>
<form method="post" action="/checkoutnow/approve?token={token}"><button>Pay now</button></form>
<form method="post" action="/checkoutnow/decline?token={token}"><button>Pay with a declined card</button></form>
<form method="post" action="/checkoutnow/cancel?token={token}"><button>Cancel and return</button></form>
</body></html>
"""


def answer(bank: Bank, request: Request) -> Response:
    """Show the page, or carry out its buttons and redirect to the shop."""
    token = request.query.get("token", "")
    try:
        order = bank.order(token)
        choice = request.path.removeprefix(PREFIX).strip("/")
        if request.method == "GET" and not choice:
            amount = f"{order.amount.value} {order.amount.currency}"
            described = html.escape(order.description or order.invoice_id)
            return Response(200, _PAGE.format(description=described, amount=amount, token=html.escape(token)))
        if request.method != "POST" or choice not in {"approve", "decline", "cancel"}:
            return Response(404, "Not found")
        if choice == "cancel":
            return _led_to(order.cancel_url, token=token)
        bank.approve(order, refusal=_DECLINED if choice == "decline" else "")
        return _led_to(order.return_url, token=token, PayerID="SIMULATEDPAYER")
    except (Refusal, ValueError):
        return Response(404, "Things don't appear to be working at the moment. Please try again later.")


def _led_to(url: str, **query: str) -> Response:
    return Response(303, None, {"Location": f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"})
