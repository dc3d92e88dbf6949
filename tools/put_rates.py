"""`python -m tools.put_rates EUR=1.0850 USDT=1`: set the rates of currencies, in US dollars for one unit.

The operator runs it from a scheduled job that knows the rates; staff have `PUT /v1/admin/rates/{currency}`.
"""

import sys

from chalicelib.domain.money.top_ups.rates import parse_rate
from chalicelib.wiring.app import app


def main() -> None:
    """Set the rates that the arguments give."""
    if not sys.argv[1:]:
        sys.exit(__doc__)
    for argument in sys.argv[1:]:
        currency, _, value = argument.partition("=")
        app().money.rates.put_rate(parse_rate(currency, value, app().core.clock.now()))


if __name__ == "__main__":
    main()
