"""What every payment gateway promises, tried on every one of them."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from chalicelib.kernel.ids import Kind, new_id
from chalicelib.payments.models import (
    Amount,
    DisputeStatus,
    GatewayBusy,
    GatewayError,
    GatewayRefused,
    GatewayUnreachable,
    InvalidSignature,
    PaymentState,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.payments.ports import SupportsListing, SupportsRefunds, SupportsSavedMethods
from dev.simulators.faults import RequestFault
from tests.contract import gateway_lab
from tests.contract.gateway_lab import LABS, DecliningLab, DisputingLab, GatewayLab, SavingLab

RETURN_URL = "https://shop.example.com/billing"
UNPAID = {TopUpStatus.AWAITING_PAYMENT, TopUpStatus.CREATED}


@pytest.fixture(scope="module", params=LABS)
def running(request: pytest.FixtureRequest) -> Iterator[GatewayLab]:
    """The service under test, started once."""
    made = LABS[request.param]()
    yield made
    made.close()


@pytest.fixture
def service(running: GatewayLab, request: pytest.FixtureRequest) -> Iterator[GatewayLab]:
    """The service under test, without faults; a case that `needs` what it lacks is skipped."""
    needed = {lever for mark in request.node.iter_markers("needs") for lever in mark.args}
    if needed - running.levers:
        pytest.skip(f"{running.gateway.name} has no {', '.join(sorted(needed - running.levers))}")
    yield running
    running.calm()


def top_up_of(service: GatewayLab, customer_id: str = "") -> TopUp:
    now = datetime.now(UTC)
    return TopUp(
        id=new_id(Kind.TOP_UP, now),
        customer_id=customer_id or new_id(Kind.CUSTOMER, now),
        gateway=service.gateway.name,
        method=service.method,
        amount=service.amount,
        status=TopUpStatus.CREATED,
        created_at=now,
        updated_at=now,
        deadline_at=now + timedelta(hours=2),
        asset=service.asset,
        network=service.network,
    )


def created(service: GatewayLab) -> tuple[TopUp, str]:
    top_up = top_up_of(service)
    return top_up, service.gateway.create(top_up, return_url=RETURN_URL).provider_id


def paid(service: GatewayLab) -> tuple[TopUp, str]:
    top_up, provider_id = created(service)
    service.pay(provider_id)
    return top_up, provider_id


def total(state: PaymentState) -> int:
    return sum(payment.amount.micros for payment in state.payments)


class TestCreating:
    def test_a_customer_is_told_how_to_pay(self, service: GatewayLab) -> None:
        checkout = service.gateway.create(top_up_of(service), return_url=RETURN_URL)
        assert checkout.provider_id
        assert checkout.redirect_url or checkout.client_secret or checkout.address or checkout.instructions

    def test_the_same_top_up_gives_the_same_checkout(self, service: GatewayLab) -> None:
        top_up = top_up_of(service)
        first = service.gateway.create(top_up, return_url=RETURN_URL)
        assert service.again().create(top_up, return_url=RETURN_URL) == first
        assert service.objects_of(top_up) == 1

    def test_another_top_up_of_the_customer_gives_another(self, service: GatewayLab) -> None:
        first, second = top_up_of(service, "cus_same"), top_up_of(service, "cus_same")
        made = {service.gateway.create(item, return_url=RETURN_URL).provider_id for item in (first, second)}
        assert len(made) == 2

    def test_the_object_carries_our_id(self, service: GatewayLab) -> None:
        top_up, provider_id = created(service)
        assert service.gateway.fetch(provider_id).reference == top_up.id

    def test_nothing_is_found_before_it_is_made(self, service: GatewayLab) -> None:
        assert service.gateway.find(top_up_of(service)) is None

    @pytest.mark.parametrize(
        "kind",
        [RequestFault.DROP_AFTER_EFFECT, RequestFault.ERROR_AFTER_EFFECT, RequestFault.TIMEOUT_AFTER_EFFECT],
    )
    @pytest.mark.parametrize("after", range(3))
    def test_an_answer_that_was_lost_is_found_again(
        self, service: GatewayLab, kind: RequestFault, after: int
    ) -> None:
        top_up = top_up_of(service)
        for _ in range(after):
            service.gateway.find(top_up)
        service.strike(kind, times=1)
        with pytest.raises(GatewayUnreachable):
            for _ in range(4):
                service.gateway.create(top_up, return_url=RETURN_URL)
                service.strike(kind, times=1)
        service.calm()
        found = service.gateway.find(top_up)
        made = service.gateway.create(top_up, return_url=RETURN_URL)
        assert found is None or found.provider_id == made.provider_id
        assert service.objects_of(top_up) == 1


class TestFetching:
    def test_g02_what_is_not_paid_has_no_payment(self, service: GatewayLab) -> None:
        state = service.gateway.fetch(created(service)[1])
        assert (state.status in UNPAID, state.payments, state.refunds, state.disputes) == (True, (), (), ())

    def test_g02_what_is_paid_is_settled_with_what_was_received(self, service: GatewayLab) -> None:
        _, provider_id = paid(service)
        state = service.gateway.fetch(provider_id)
        assert state.status is TopUpStatus.SETTLED
        assert total(state) == service.amount.micros
        assert {payment.amount.currency for payment in state.payments} == {service.amount.currency}
        assert all(abs(payment.at - datetime.now(UTC)) < timedelta(minutes=5) for payment in state.payments)

    def test_g01_a_payment_keeps_its_id(self, service: GatewayLab) -> None:
        top_up, provider_id = paid(service)
        first, again = service.gateway.fetch(provider_id), service.again().fetch(provider_id)
        found = service.gateway.find(top_up)
        assert first.payments == again.payments
        assert found is not None
        assert found.payments == first.payments

    def test_what_is_not_there_is_refused(self, service: GatewayLab) -> None:
        _, provider_id = created(service)
        unknown = provider_id[:-4] + ("0000" if provider_id[-4:] != "0000" else "1111")
        with pytest.raises(GatewayRefused):
            service.gateway.fetch(unknown)

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            (RequestFault.RATE_LIMIT, GatewayBusy),
            (RequestFault.ERROR_BEFORE_EFFECT, GatewayUnreachable),
            (RequestFault.CONNECTION_RESET, GatewayUnreachable),
            (RequestFault.DROP_AFTER_EFFECT, GatewayUnreachable),
        ],
    )
    def test_trouble_has_a_word(
        self, service: GatewayLab, kind: RequestFault, expected: type[GatewayError]
    ) -> None:
        _, provider_id = created(service)
        service.strike(kind, times=None)
        with pytest.raises(expected):
            service.gateway.fetch(provider_id)

    @pytest.mark.needs(gateway_lab.DECLINE)
    def test_a_decline_is_told_and_can_be_followed_by_a_payment(self, service: GatewayLab) -> None:
        _, provider_id = created(service)
        cast("DecliningLab", service).decline(provider_id)
        declined = service.gateway.fetch(provider_id)
        assert declined.status is TopUpStatus.AWAITING_PAYMENT
        assert declined.failure
        assert declined.payments == ()
        service.pay(provider_id)
        state = service.gateway.fetch(provider_id)
        assert (state.status, state.failure, len(state.payments)) == (TopUpStatus.SETTLED, "", 1)


class TestWebhooks:
    def test_g40_what_the_service_sends_is_verified_and_leads_to_the_top_up(self, service: GatewayLab) -> None:
        before = len(service.sent())
        top_up, provider_id = paid(service)
        notices = [
            service.gateway.verify(sent.raw_body, sent.headers, datetime.now(UTC))
            for sent in service.sent()[before:]
        ]
        about = [notice for notice in notices if notice.provider_id]
        assert about
        assert len({notice.event_id for notice in notices}) == len(notices)
        for notice in about:
            state = service.gateway.fetch(notice.provider_id or "")
            assert state.reference == top_up.id
            assert state.payments == service.gateway.fetch(provider_id).payments

    def test_g40_an_altered_body_is_refused(self, service: GatewayLab) -> None:
        sent = self._any(service)
        for place in range(0, len(sent.raw_body), max(1, len(sent.raw_body) // 40)):
            altered = bytearray(sent.raw_body)
            altered[place] ^= 1
            self._refused(service, bytes(altered), dict(sent.headers))

    def test_g40_a_truncated_or_longer_body_is_refused(self, service: GatewayLab) -> None:
        sent = self._any(service)
        for body in (b"", sent.raw_body[:-1], sent.raw_body[: len(sent.raw_body) // 2], sent.raw_body + b"\n"):
            self._refused(service, body, dict(sent.headers))

    def test_g40_without_a_signature_it_is_refused(self, service: GatewayLab) -> None:
        sent = self._any(service)
        self._refused(service, sent.raw_body, {"content-type": "application/json"})
        for name, value in sent.headers.items():
            if value != "application/json; charset=utf-8":
                self._refused(service, sent.raw_body, dict(sent.headers) | {name: ""})

    @pytest.mark.needs(gateway_lab.SIGNED_TIME)
    @pytest.mark.parametrize("seconds", [-3600, -301, 301, 3600])
    def test_g40_too_old_and_from_the_future_is_refused(self, service: GatewayLab, seconds: int) -> None:
        sent, now = self._any(service), datetime.now(UTC)
        self._refused(
            service, sent.raw_body, dict(service.signed(sent.raw_body, now + timedelta(seconds=seconds))), now
        )

    @pytest.mark.needs(gateway_lab.SIGNED_TIME)
    @pytest.mark.parametrize("seconds", [-299, 0, 299])
    def test_g40_within_the_window_it_is_taken(self, service: GatewayLab, seconds: int) -> None:
        sent, now = self._any(service), datetime.now(UTC)
        headers = service.signed(sent.raw_body, now + timedelta(seconds=seconds))
        assert service.gateway.verify(sent.raw_body, headers, now).event_id

    @staticmethod
    def _any(service: GatewayLab) -> gateway_lab.Sent:
        paid(service)
        return service.sent()[-1]

    @staticmethod
    def _refused(
        service: GatewayLab, raw_body: bytes, headers: dict[str, str], now: datetime | None = None
    ) -> None:
        with pytest.raises(InvalidSignature):
            service.gateway.verify(raw_body, headers, now or datetime.now(UTC))


@pytest.mark.needs(gateway_lab.REFUND)
class TestRefunding:
    def test_g09_a_part_goes_back_once_for_each_key(self, service: GatewayLab) -> None:
        _, provider_id = paid(service)
        third = self._third(service)
        first = self._gateway(service).refund(provider_id, third, "one")
        assert cast("SupportsRefunds", service.again()).refund(provider_id, third, "one").id == first.id
        second = self._gateway(service).refund(provider_id, third, f"two-{provider_id}")
        state = service.gateway.fetch(provider_id)
        assert {refund.id for refund in state.refunds} == {first.id, second.id}
        assert {refund.key for refund in state.refunds} == {"one", f"two-{provider_id}"}
        assert all(refund.amount == third for refund in state.refunds)
        assert all(refund.status in {RefundStatus.DONE, RefundStatus.PENDING} for refund in state.refunds)
        assert (state.status, total(state)) == (TopUpStatus.SETTLED, service.amount.micros)

    def test_g09_more_than_is_left_is_refused(self, service: GatewayLab) -> None:
        _, provider_id = paid(service)
        self._gateway(service).refund(provider_id, self._third(service), f"a-{provider_id}")
        for micros, key in ((service.amount.micros, "b"), (service.amount.micros * 2, "c")):
            with pytest.raises(GatewayRefused) as refused:
                self._gateway(service).refund(
                    provider_id, Amount(micros, service.amount.currency), f"{key}-{provider_id}"
                )
            assert refused.value.sentence
        assert len(service.gateway.fetch(provider_id).refunds) == 1

    def test_what_is_not_paid_is_not_refunded(self, service: GatewayLab) -> None:
        _, provider_id = created(service)
        with pytest.raises(GatewayRefused):
            self._gateway(service).refund(provider_id, self._third(service), f"x-{provider_id}")

    @staticmethod
    def _gateway(service: GatewayLab) -> SupportsRefunds:
        assert isinstance(service.gateway, SupportsRefunds)
        return service.gateway

    @staticmethod
    def _third(service: GatewayLab) -> Amount:
        return Amount(service.amount.micros // 3, service.amount.currency)


@pytest.mark.needs(gateway_lab.DISPUTE)
class TestDisputes:
    @pytest.mark.parametrize(("won", "expected"), [(True, DisputeStatus.WON), (False, DisputeStatus.LOST)])
    def test_g09_a_dispute_is_open_until_it_is_decided(
        self, service: GatewayLab, won: bool, expected: DisputeStatus
    ) -> None:
        top_up, provider_id = paid(service)
        bank = cast("DisputingLab", service)
        dispute_id = bank.dispute(provider_id)
        (opened,) = service.gateway.fetch(provider_id).disputes
        assert (opened.id, opened.amount, opened.status) == (dispute_id, top_up.amount, DisputeStatus.OPEN)
        bank.rule(dispute_id, won=won)
        state = service.gateway.fetch(provider_id)
        assert [dispute.status for dispute in state.disputes] == [expected]
        assert total(state) == top_up.amount.micros

    def test_its_webhook_leads_to_the_top_up(self, service: GatewayLab) -> None:
        top_up, provider_id = paid(service)
        before = len(service.sent())
        cast("DisputingLab", service).dispute(provider_id)
        (sent,) = service.sent()[before:]
        notice = service.gateway.verify(sent.raw_body, sent.headers, datetime.now(UTC))
        assert notice.provider_id
        state = service.gateway.fetch(notice.provider_id)
        assert (state.reference, len(state.disputes)) == (top_up.id, 1)


@pytest.mark.needs(gateway_lab.SAVING)
class TestSavedMethods:
    _customers = (f"cus_{number:03d}" for number in itertools.count())

    def test_a_saved_method_is_listed_and_forgotten(self, service: GatewayLab) -> None:
        customer = next(self._customers)
        method_id = self._saved(service, customer)
        (method,) = self._gateway(service).saved_methods(customer)
        assert (method.provider_id, method.customer_id) == (method_id, customer)
        assert "4242" in method.label
        for _ in range(2):
            self._gateway(service).forget_method(customer, method_id)
        assert list(self._gateway(service).saved_methods(customer)) == []

    def test_nobody_else_forgets_it(self, service: GatewayLab) -> None:
        owner, stranger = next(self._customers), next(self._customers)
        method_id = self._saved(service, owner)
        self._gateway(service).forget_method(stranger, method_id)
        assert len(self._gateway(service).saved_methods(owner)) == 1
        assert list(self._gateway(service).saved_methods(stranger)) == []

    def test_g10_a_charge_exists_before_it_is_confirmed_and_is_confirmed_once(self, service: GatewayLab) -> None:
        customer = next(self._customers)
        method_id = self._saved(service, customer)
        top_up = top_up_of(service, customer)
        charge = self._gateway(service).prepare_charge(top_up, method_id)
        assert self._other(service).prepare_charge(top_up, method_id) == charge
        assert service.objects_of(top_up) == 1
        assert service.gateway.fetch(charge).payments == ()
        states = [self._gateway(service).confirm_charge(charge), self._other(service).confirm_charge(charge)]
        for state in states:
            assert (state.status, total(state), len(state.payments)) == (
                TopUpStatus.SETTLED,
                top_up.amount.micros,
                1,
            )
            assert (state.reference, state.method_id) == (top_up.id, method_id)

    def test_g10_a_confirmation_whose_answer_was_lost_is_looked_up(self, service: GatewayLab) -> None:
        customer = next(self._customers)
        charge = self._gateway(service).prepare_charge(
            top_up_of(service, customer), self._saved(service, customer)
        )
        service.strike(RequestFault.DROP_AFTER_EFFECT, times=1)
        with pytest.raises(GatewayUnreachable):
            self._gateway(service).confirm_charge(charge)
        assert len(service.gateway.fetch(charge).payments) == 1
        assert len(self._gateway(service).confirm_charge(charge).payments) == 1

    def test_g10_a_decline_is_a_state(self, service: GatewayLab) -> None:
        customer = next(self._customers)
        charge = self._gateway(service).prepare_charge(
            top_up_of(service, customer), self._saved(service, customer, declines=True)
        )
        for _ in range(2):
            state = self._gateway(service).confirm_charge(charge)
            assert (state.status, state.payments) == (TopUpStatus.FAILED, ())
            assert state.failure

    def test_a_method_of_another_is_not_charged(self, service: GatewayLab) -> None:
        owner, stranger = next(self._customers), next(self._customers)
        method_id = self._saved(service, owner)
        with pytest.raises(GatewayRefused):
            self._gateway(service).prepare_charge(top_up_of(service, stranger), method_id)

    def _saved(self, service: GatewayLab, customer: str, *, declines: bool = False) -> str:
        key = new_id(Kind.TOP_UP, datetime.now(UTC))
        checkout = self._gateway(service).begin_saving(customer, "payer@example.com", key)
        assert self._gateway(service).begin_saving(customer, "payer@example.com", key) == checkout
        cast("SavingLab", service).save(checkout.provider_id, declines=declines)
        method_id = service.gateway.fetch(checkout.provider_id).method_id
        assert method_id
        return method_id

    @staticmethod
    def _gateway(service: GatewayLab) -> SupportsSavedMethods:
        assert isinstance(service.gateway, SupportsSavedMethods)
        return service.gateway

    @staticmethod
    def _other(service: GatewayLab) -> SupportsSavedMethods:
        return cast("SupportsSavedMethods", service.again())


@pytest.mark.needs(gateway_lab.LISTING)
class TestListing:
    def test_what_was_settled_is_listed_by_its_time(self, service: GatewayLab) -> None:
        assert isinstance(service.gateway, SupportsListing)
        (top_up, provider_id), (unpaid, _) = paid(service), created(service)
        (payment,) = service.gateway.fetch(provider_id).payments
        around = timedelta(seconds=1)
        listed = list(service.gateway.settled(payment.at, payment.at + around))
        found = [state for state in listed if state.reference == top_up.id]
        assert [state.payments for state in found] == [(payment,)]
        assert unpaid.id not in {state.reference for state in listed}
        before = service.gateway.settled(payment.at - around, payment.at)
        assert top_up.id not in {state.reference for state in before}
