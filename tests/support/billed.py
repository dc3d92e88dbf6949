"""A customer who used machines, paid, and was invoiced."""

from datetime import timedelta

from chalicelib.domain.money.billing.models import Invoice
from chalicelib.domain.money.billing.service import Invoicing
from chalicelib.domain.money.ledger.models import EntryType, gateway_account
from chalicelib.domain.money.metering.models import Meter
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from tests.support.clock import SettableClock

DOLLAR = 1_000_000
PAID_MICROS = 1_000 * DOLLAR
PRICE_MICROS_PER_HOUR = 50 * DOLLAR


def charge(customer_id: str, hours: int, deployment_id: str = "") -> str:
    """Post the usage of a machine at 50.00 an hour in the last `hours`; return the machine's id."""
    now = app().core.clock.now()
    deployment_id = deployment_id or new_id(Kind.DEPLOYMENT, now)
    end = epoch_seconds(now)
    meter = Meter.opening(customer_id, deployment_id, 1, PRICE_MICROS_PER_HOUR, end - hours * 3600)
    change = app().money.ledger.change(customer_id, now)
    opened = app().money.metering.open(change, meter)
    app().core.transactor.commit([*opened, *change.writes()])
    change = app().money.ledger.change(customer_id, now)
    closed = app().money.metering.close(change, meter, end)
    app().core.transactor.commit([*closed, *change.writes()])
    return deployment_id


def pay(customer_id: str, micros: int = PAID_MICROS, reference: str = "pi_test") -> None:
    """Post a card payment."""
    change = app().money.ledger.change(customer_id, app().core.clock.now())
    change.post(EntryType.TOP_UP, micros, gateway_account("stripe"), reference=reference)
    app().core.transactor.commit(change.writes())


def invoicing_later(days: int) -> Invoicing:
    """The invoicing service, with a clock that is some days ahead."""
    clock = SettableClock(app().core.clock.now() + timedelta(days=days))
    records, meters = app().money.billing_records, app().money.meter_records
    books = app().money.ledger_records
    machines, transactor = app().cloud.deployment_records, app().core.transactor
    return Invoicing(
        records, books, meters, machines, transactor, app().money.vat_rules, app().money.seller, clock
    )


def invoice(customer_id: str) -> Invoice:
    """Issue an invoice over 100.00: 22 hours at 50.00, of which a credit covers 1000.00."""
    pay(customer_id)
    charge(customer_id, hours=22)
    (issued,) = invoicing_later(days=40).issue_due(customer_id)
    return issued
