"""Endpoints for staff: exchange rates."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.money.top_ups.models import Rate
from chalicelib.domain.money.top_ups.policy import RATE_LIFETIME
from chalicelib.domain.money.top_ups.rates import RATED, parse_rate
from chalicelib.http import Caller, Listing, endpoint
from chalicelib.wiring.app import app
from functions.money.rates.schemas import RateBody, RatedCurrency, RateView


def _view(rate: Rate) -> RateView:
    return RateView.of(rate, usable=app().core.clock.now() - rate.at <= RATE_LIFETIME)


@endpoint("GET", "/v1/admin/rates", scope=Scope.STAFF_RATES_READ)
def list_rates(caller: Caller) -> Listing[RateView]:
    """List the exchange rates."""
    found = [app().money.rates.rate(currency) for currency in sorted(RATED)]
    return Listing([_view(rate) for rate in found if rate is not None])


@endpoint("PUT", "/v1/admin/rates/{currency}", scope=Scope.STAFF_RATES_WRITE)
def put_rate(currency: RatedCurrency, request: RateBody, caller: Caller) -> RateView:
    """Set the exchange rate of a currency; top-ups that have received money keep their rate."""
    rate = parse_rate(currency, request.value, app().core.clock.now())
    app().money.rates.put_rate(rate)
    return _view(rate)
