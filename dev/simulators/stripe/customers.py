"""Customers, and the search for them, whose index is updated late."""

import re
from collections.abc import Mapping
from typing import Final

from dev.simulators.faults import FaultBoard, Occasion
from dev.simulators.http import Json
from dev.simulators.stripe.account import Account
from dev.simulators.stripe.wire import Refusal

SEARCH_LAG: Final = "search_lag"
"""A fault: a search finds nothing, as in the first minute after a creation."""

_QUERY: Final = re.compile(r"metadata\['(?P<name>[\w-]+)'\]:'(?P<value>[^']*)'")


class Customers:
    """Stripe's customers."""

    def __init__(self, account: Account, faults: FaultBoard) -> None:
        self._account = account
        self._faults = faults

    def create(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Create a customer."""
        return self._account.post("customers", params)

    def get(self, customer_id: str) -> dict[str, Json]:
        """The customer with this id."""
        return self._account.get("customer", f"customers/{customer_id}")

    def update(self, customer_id: str, params: Mapping[str, Json]) -> dict[str, Json]:
        """Change a customer."""
        self.get(customer_id)
        return self._account.post(f"customers/{customer_id}", params)

    def search(self, params: Mapping[str, Json]) -> dict[str, Json]:
        """Customers by one entry of their metadata."""
        query = _QUERY.fullmatch(str(params.get("query", "")))
        if query is None:
            raise Refusal(400, "Only a search by one entry of the metadata is simulated.", param="query")
        found = [
            customer
            for customer in self._account.backend.list("customers")
            if customer["metadata"].get(query["name"]) == query["value"]
        ]
        if self._faults.take(Occasion(service="stripe", path="/v1/customers/search"), {SEARCH_LAG}):
            found = []
        return {"object": "search_result", "url": "/v1/customers/search", "data": found, "has_more": False}
