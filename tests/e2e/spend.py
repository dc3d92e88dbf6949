"""`python -m tests.e2e.spend ENDPOINTS CUSTOMER SECONDS`: leave money for some seconds, and print when it ends.

It posts a real ledger entry, with the product's code on the local cloud's table, so that no test waits for hours.
"""

import sys
from pathlib import Path

from tools.verify_ledger import aim_at_local_cloud


def main(endpoints: str, customer_id: str, seconds: str) -> None:
    """Post a refund that leaves the amount that the machines use in `seconds`."""
    if not aim_at_local_cloud(Path(endpoints)):
        raise SystemExit(f"no local cloud runs at {endpoints}")
    # The records read TABLE_NAME when they are imported.
    from chalicelib.domain.money.ledger.models import EntryType, Operator
    from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
    from chalicelib.kernel.clock import isoformat, later
    from chalicelib.kernel.transactions import with_fresh_reads
    from chalicelib.wiring.app import app

    def post() -> str:
        now = app().core.clock.now()
        change = app().money.ledger.change(customer_id, now)
        account = change.account
        kept = account.burn.unposted_micros(now) + account.burn.micros_per_hour * int(seconds) // 3600
        change.post(EntryType.REFUND, kept - account.posted_micros, Operator.CREDITS, reference="a test")
        app().core.transactor.commit(change.writes())
        return isoformat(later(now, int(seconds)))

    print(with_fresh_reads(post, stale=frozenset({ACCOUNT_UNCHANGED})))


if __name__ == "__main__":
    main(*sys.argv[1:])
