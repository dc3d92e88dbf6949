"""Invalid top-ups are refused with a code and a sentence; nothing is stored, and no gateway is called."""

from typing import Any

import pytest

from chalicelib.wiring.app import app
from tests.fakes.access import FakeAuthenticator, principal
from tests.support.api import Api
from tests.support.engine import Engine
from tests.support.parts import give


@pytest.fixture
def customer(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A signed-in person; there is no gateway, so calling one fails the test."""
    me = principal()
    authenticator = FakeAuthenticator({"token": me})
    give(people={"authenticator": authenticator})
    app().core.transactor.commit(app().money.ledger.open_account(me.customer_id))
    return api.as_bearer("token")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("card", {"amount": "10.001"}, "amount"),
        ("card", {"amount": "-10.00"}, "amount"),
        ("card", {"amount": "0"}, "amount"),
        ("card", {"amount": "4.99"}, "amount"),
        ("card", {"amount": "10000.01"}, "amount"),
        ("card", {"amount": "ten"}, "amount"),
        ("card", {"amount": "1e3"}, "amount"),
        ("card", {"amount": 10}, "amount"),
        ("card", {"amount": "10.00", "currency": "EUR"}, "currency"),
        ("card", {"amount": "10.00", "currency": "XYZ"}, "currency"),
        ("paypal", {"amount": "10.00", "currency": "AED"}, "currency"),
        ("bank-transfer", {"amount": "19.99", "currency": "AED"}, "amount"),
        ("bank-transfer", {"amount": "10.00", "currency": "JPY"}, "currency"),
        ("crypto", {"amount": "10.00", "asset": "DOGE", "chain": "ETH"}, "asset"),
        ("crypto", {"amount": "10.00", "asset": "USDT", "chain": "Solana"}, "chain"),
        ("crypto", {"amount": "10.001", "asset": "USDT", "chain": "ETH"}, "amount"),
    ],
)
def test_what_is_no_top_up_is_refused_and_changes_nothing(
    customer: Api, table: Engine, path: str, body: dict[str, Any], field: str
) -> None:
    before = _kept(table)
    refused = customer.post(f"/billing/topups/{path}", body)
    assert (refused.status, refused.code) == (400, "VALIDATION_ERROR")
    assert refused.fields == {field}
    assert all(detail["message"] for detail in refused.error["details"])
    assert _kept(table) == before


def _kept(table: Engine) -> list[Any]:
    """All items except rate counters."""
    return [item for item in table.items() if item["kind"]["S"] != "COUNTER"]
