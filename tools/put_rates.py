"""`python -m tools.put_rates EUR=1.0850 USDT=1`: what one unit of each currency is worth in dollars, from now on.

For a scheduled job of the operator's that knows the rates; staff have `PUT /v1/admin/rates/{currency}`.
"""

import sys

from chalicelib.domain.money.top_ups.rates import parse_rate
from chalicelib.wiring.app import app


def main() -> None:
    """Put the rates that the arguments name."""
    if not sys.argv[1:]:
        sys.exit(__doc__)
    for argument in sys.argv[1:]:
        currency, _, value = argument.partition("=")
        app().money.rates.put_rate(parse_rate(currency, value, app().core.clock.now()))


if __name__ == "__main__":
    main()
