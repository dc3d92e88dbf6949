"""The contract of all payment gateways, run for each of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from chalicelib.domain.money.top_ups.models import (
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
from chalicelib.domain.money.top_ups.ports import SupportsListing, SupportsRefunds, SupportsSavedMethods
from dev.simulators.faults import RequestFault
from tests.contract.gateway_lab import (
    LABS,
    DecliningLab,
    Delivery,
    DisputingLab,
    ExpiringLab,
    GatewayLab,
    Lever,
    PendingLab,
    SavingLab,
    lab_class,
)

RETURN_URL = "https://shop.example.com/billing"


@pytest.fixture(scope="module", params=LABS)
def running(request: pytest.FixtureRequest) -> Iterator[GatewayLab]:
    """The service under test, started once."""
    made = lab_class(request.param)()
    yield made
    made.close()


@pytest.fixture
def service(running: GatewayLab) -> Iterator[GatewayLab]:
    """The service under test, without faults; cases whose levers it lacks were left out."""
    yield running
    running.clear_faults()


def created(service: GatewayLab) -> tuple[TopUp, str]:
    top_up = service.top_up()
    return top_up, service.gateway.create(top_up, return_url=RETURN_URL).provider_id


def paid(service: GatewayLab) -> tuple[TopUp, str]:
    top_up, provider_id = created(service)
    service.pay(top_up)
    return top_up, provider_id


def total(state: PaymentState) -> int:
    return sum(payment.amount.micros for payment in state.payments)


def our_id(service: GatewayLab, top_up: TopUp) -> str | None:
    """Our id of a top-up, as its states at the gateway show it."""
    return None if Lever.UNASKED in service.levers else top_up.id


class TestCreating:
    def test_a_customer_is_told_how_to_pay(self, service: GatewayLab) -> None:
        checkout = service.gateway.create(service.top_up(), return_url=RETURN_URL)
        assert checkout.provider_id
        assert checkout.redirect_url or checkout.client_secret or checkout.address or checkout.instructions

    def test_the_object_carries_our_id(self, service: GatewayLab) -> None:
        top_up, provider_id = created(service)
        assert service.gateway.fetch(provider_id).reference == our_id(service, top_up)

    @pytest.mark.needs(Lever.SEARCH)
    def test_the_object_is_found_by_our_id(self, service: GatewayLab) -> None:
        top_up, provider_id = created(service)
        found = service.gateway.find(top_up)
        assert found is not None
        assert (found.provider_id, found.reference) == (provider_id, top_up.id)

    def test_another_top_up_of_the_customer_gives_another(self, service: GatewayLab) -> None:
        first = service.top_up()
        second = replace(service.top_up(), customer_id=first.customer_id)
        made = {service.gateway.create(item, return_url=RETURN_URL).provider_id for item in (first, second)}
        assert len(made) == 2

    def test_nothing_is_found_before_it_is_made(self, service: GatewayLab) -> None:
        assert service.gateway.find(service.top_up()) is None

    @pytest.mark.needs(Lever.REPEATED_CREATE)
    def test_the_same_top_up_gives_the_same_checkout(self, service: GatewayLab) -> None:
        top_up = service.top_up()
        first = service.gateway.create(top_up, return_url=RETURN_URL)
        assert service.gateway.create(top_up, return_url=RETURN_URL) == first

    @pytest.mark.parametrize(
        "kind",
        [RequestFault.DROP_AFTER_EFFECT, RequestFault.ERROR_AFTER_EFFECT, RequestFault.TIMEOUT_AFTER_EFFECT],
    )
    def test_the_object_of_a_create_without_an_answer_is_found(
        self, service: GatewayLab, kind: RequestFault
    ) -> None:
        """Each exchange of the create gets no answer once; at last all succeed."""
        top_up = service.top_up()
        checkout = None
        for exchanges in range(8):
            service.inject(kind, after=exchanges, delay_seconds=0.1)
            try:
                checkout = service.gateway.create(top_up, return_url=RETURN_URL)
            except GatewayUnreachable:
                service.clear_faults()
                found = service.gateway.find(top_up)
                if found is not None:
                    assert (found.reference, found.payments) == (our_id(service, top_up), ())
                    break
            service.clear_faults()
            if checkout is not None:
                break
        assert service.gateway.find(top_up) is not None or Lever.SEARCH not in service.levers
        service.pay(top_up)  # the lab refuses if there are two
        found = service.gateway.find(top_up)
        assert found is not None
        assert total(found) == top_up.amount.micros


class TestFetching:
    def test_g02_what_is_not_paid_has_no_payment(self, service: GatewayLab) -> None:
        state = service.gateway.fetch(created(service)[1])
        assert state.status is TopUpStatus.AWAITING_PAYMENT
        assert (state.payments, state.refunds, state.disputes) == ((), (), ())

    def test_g02_what_is_paid_is_settled_with_what_was_received(self, service: GatewayLab) -> None:
        top_up, provider_id = paid(service)
        state = service.gateway.fetch(provider_id)
        assert state.status is TopUpStatus.SETTLED
        assert total(state) == top_up.amount.micros
        assert all(abs(payment.at - service.now()) < timedelta(minutes=5) for payment in state.payments)

    def test_g01_a_payment_keeps_its_id(self, service: GatewayLab) -> None:
        top_up, provider_id = paid(service)
        first, again = service.gateway.fetch(provider_id), service.gateway.fetch(provider_id)
        found = service.gateway.find(top_up)
        assert found is not None
        assert first.payments == again.payments == found.payments
        assert len(first.payments) == 1

    def test_what_is_not_there_is_refused(self, service: GatewayLab) -> None:
        _, provider_id = created(service)
        unknown = provider_id[:-4] + ("0000" if provider_id[-4:] != "0000" else "1111")
        with pytest.raises(GatewayRefused) as refused:
            service.gateway.fetch(unknown)
        assert not any(secret in str(refused.value) for secret in service.secrets)

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
        service.inject(kind, times=None, retry_after_seconds=0)
        with pytest.raises(expected) as trouble:
            service.gateway.fetch(provider_id)
        assert not any(secret in str(trouble.value) for secret in service.secrets)

    @pytest.mark.needs(Lever.DECLINE)
    def test_a_decline_is_told_and_can_be_followed_by_a_payment(self, service: GatewayLab) -> None:
        top_up, provider_id = created(service)
        cast("DecliningLab", service).decline(top_up)
        declined = service.gateway.fetch(provider_id)
        assert (declined.status, declined.payments) == (TopUpStatus.AWAITING_PAYMENT, ())
        assert declined.failure
        service.pay(top_up)
        state = service.gateway.fetch(provider_id)
        assert (state.status, state.failure, len(state.payments)) == (TopUpStatus.SETTLED, "", 1)

    @pytest.mark.needs(Lever.PENDING)
    def test_g02_money_on_its_way_is_no_payment(self, service: GatewayLab) -> None:
        top_up, provider_id = created(service)
        payer = cast("PendingLab", service)
        payer.begin_paying(top_up)
        state = service.gateway.fetch(provider_id)
        assert (state.status, state.payments) == (TopUpStatus.PROCESSING, ())
        payer.finish_paying(top_up)
        state = service.gateway.fetch(provider_id)
        assert (state.status, total(state)) == (TopUpStatus.SETTLED, top_up.amount.micros)

    @pytest.mark.needs(Lever.PARTIAL)
    @pytest.mark.parametrize("quarters", [(1,), (1, 3), (2, 1, 1), (5,)])
    def test_g11_what_was_received_counts(self, service: GatewayLab, quarters: tuple[int, ...]) -> None:
        top_up, provider_id = created(service)
        shares = [top_up.amount.micros * quarter // 4 for quarter in quarters]
        for share in shares:
            service.pay(top_up, share)
        state = service.gateway.fetch(provider_id)
        assert total(state) == sum(shares)
        assert len({payment.id for payment in state.payments}) == len(shares)

    @pytest.mark.needs(Lever.EXPIRY)
    def test_what_was_not_paid_in_time_has_expired(self, service: GatewayLab) -> None:
        top_up, provider_id = created(service)
        cast("ExpiringLab", service).expire(top_up)
        state = service.gateway.fetch(provider_id)
        assert (state.status, state.payments) == (TopUpStatus.EXPIRED, ())


class TestWebhooks:
    def test_g40_what_the_service_sends_is_verified_and_leads_to_the_top_up(self, service: GatewayLab) -> None:
        top_up, provider_id = paid(service)
        notices = [
            service.gateway.verify(sent.raw_body, sent.headers, service.now())
            for sent in service.deliveries(top_up)
        ]
        assert any(notice.provider_id for notice in notices)
        assert len({notice.event_id for notice in notices}) == len(notices)
        payments = service.gateway.fetch(provider_id).payments
        for notice in notices:
            if notice.provider_id is not None:
                state = service.gateway.fetch(notice.provider_id)
                assert (state.reference, state.payments) == (our_id(service, top_up), payments)

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

    def test_g40_without_its_signature_it_is_refused(self, service: GatewayLab) -> None:
        sent = self._any(service)
        self._refused(service, sent.raw_body, {"content-type": "application/json"})

    @pytest.mark.needs(Lever.SIGNED_TIME)
    @pytest.mark.parametrize("seconds", [310, 3600])
    def test_g40_too_old_is_refused(self, service: GatewayLab, seconds: int) -> None:
        sent = self._any(service)
        self._refused(service, sent.raw_body, dict(sent.headers), service.now() + timedelta(seconds=seconds))

    @pytest.mark.needs(Lever.TIMED_WEBHOOKS)
    @pytest.mark.parametrize("seconds", [310, 3600])
    def test_g40_from_the_future_is_refused(self, service: GatewayLab, seconds: int) -> None:
        sent = self._any(service)
        self._refused(service, sent.raw_body, dict(sent.headers), service.now() - timedelta(seconds=seconds))

    @pytest.mark.needs(Lever.TIMED_WEBHOOKS)
    @pytest.mark.parametrize("seconds", [-200, 200])
    def test_g40_within_the_window_it_is_taken(self, service: GatewayLab, seconds: int) -> None:
        sent = self._any(service)
        at = service.now() + timedelta(seconds=seconds)
        assert service.gateway.verify(sent.raw_body, sent.headers, at).event_id

    @staticmethod
    def _any(service: GatewayLab) -> Delivery:
        top_up, _ = paid(service)
        return service.deliveries(top_up)[-1]

    @staticmethod
    def _refused(
        service: GatewayLab, raw_body: bytes, headers: dict[str, str], now: datetime | None = None
    ) -> None:
        with pytest.raises(InvalidSignature):
            service.gateway.verify(raw_body, headers, now or service.now())


@pytest.mark.needs(Lever.REFUND)
class TestRefunding:
    def test_g09_a_part_goes_back_once_for_each_key(self, service: GatewayLab) -> None:
        top_up, provider_id = paid(service)
        third = Amount(top_up.amount.micros // 3)
        first = self._gateway(service).refund(provider_id, third, f"{top_up.id}-1")
        assert self._gateway(service).refund(provider_id, third, f"{top_up.id}-1").id == first.id
        second = self._gateway(service).refund(provider_id, third, f"{top_up.id}-2")
        state = service.gateway.fetch(provider_id)
        assert {(refund.id, refund.key) for refund in state.refunds} == {
            (first.id, f"{top_up.id}-1"),
            (second.id, f"{top_up.id}-2"),
        }
        assert all(refund.amount == third for refund in state.refunds)
        assert all(refund.status in {RefundStatus.DONE, RefundStatus.PENDING} for refund in state.refunds)
        assert (state.status, total(state)) == (TopUpStatus.SETTLED, top_up.amount.micros)

    def test_g09_a_refund_whose_answer_was_lost_is_not_made_again(self, service: GatewayLab) -> None:
        top_up, provider_id = paid(service)
        third = Amount(top_up.amount.micros // 3)
        for exchanges in range(6):
            service.inject(RequestFault.DROP_AFTER_EFFECT, after=exchanges)
            try:
                self._gateway(service).refund(provider_id, third, top_up.id)
            except GatewayUnreachable:
                continue
            finally:
                service.clear_faults()
            break
        self._gateway(service).refund(provider_id, third, top_up.id)
        assert len(service.gateway.fetch(provider_id).refunds) == 1

    def test_g09_more_than_is_left_is_refused(self, service: GatewayLab) -> None:
        top_up, provider_id = paid(service)
        self._gateway(service).refund(provider_id, Amount(top_up.amount.micros // 3), f"{top_up.id}-1")
        for times in (1, 2):
            with pytest.raises(GatewayRefused) as refused:
                self._gateway(service).refund(
                    provider_id, Amount(top_up.amount.micros * times), f"{top_up.id}-more-{times}"
                )
            assert refused.value.sentence
        assert len(service.gateway.fetch(provider_id).refunds) == 1

    def test_what_is_not_paid_is_not_refunded(self, service: GatewayLab) -> None:
        top_up, provider_id = created(service)
        with pytest.raises(GatewayRefused):
            self._gateway(service).refund(provider_id, Amount(top_up.amount.micros // 3), top_up.id)

    @staticmethod
    def _gateway(service: GatewayLab) -> SupportsRefunds:
        gateway = service.gateway
        assert isinstance(gateway, SupportsRefunds)
        return gateway


@pytest.mark.needs(Lever.DISPUTE)
class TestDisputes:
    @pytest.mark.parametrize(("won", "expected"), [(True, DisputeStatus.WON), (False, DisputeStatus.LOST)])
    def test_g09_a_dispute_is_open_until_it_is_decided(
        self, service: GatewayLab, won: bool, expected: DisputeStatus
    ) -> None:
        top_up, provider_id = paid(service)
        bank = cast("DisputingLab", service)
        dispute_id = bank.dispute(top_up)
        (opened,) = service.gateway.fetch(provider_id).disputes
        assert (opened.id, opened.amount, opened.status) == (dispute_id, top_up.amount, DisputeStatus.OPEN)
        bank.rule(dispute_id, won=won)
        state = service.gateway.fetch(provider_id)
        assert [dispute.status for dispute in state.disputes] == [expected]
        assert total(state) == top_up.amount.micros

    def test_its_webhook_leads_to_the_top_up(self, service: GatewayLab) -> None:
        top_up, _ = paid(service)
        before = len(service.deliveries(top_up))
        cast("DisputingLab", service).dispute(top_up)
        (sent,) = service.deliveries(top_up)[before:]
        notice = service.gateway.verify(sent.raw_body, sent.headers, service.now())
        assert notice.provider_id
        state = service.gateway.fetch(notice.provider_id)
        assert (state.reference, len(state.disputes)) == (top_up.id, 1)


@pytest.mark.needs(Lever.SAVING)
class TestSavedMethods:
    def test_a_saved_method_is_listed_and_forgotten(self, service: GatewayLab) -> None:
        customer = service.top_up().customer_id
        method_id = self._saved(service, customer)
        (method,) = self._gateway(service).saved_methods(customer)
        assert (method.provider_id, method.customer_id, method.gateway) == (method_id, customer, service.name)
        assert method.label
        for _ in range(2):
            self._gateway(service).forget_method(customer, method_id)
        assert list(self._gateway(service).saved_methods(customer)) == []

    def test_nobody_else_forgets_it(self, service: GatewayLab) -> None:
        owner, stranger = service.top_up().customer_id, service.top_up().customer_id
        method_id = self._saved(service, owner)
        self._gateway(service).forget_method(stranger, method_id)
        assert len(self._gateway(service).saved_methods(owner)) == 1
        assert list(self._gateway(service).saved_methods(stranger)) == []

    def test_g10_a_charge_exists_before_it_is_confirmed_and_is_confirmed_once(self, service: GatewayLab) -> None:
        top_up = service.top_up()
        method_id = self._saved(service, top_up.customer_id)
        charge = self._gateway(service).prepare_charge(top_up, method_id)
        assert self._gateway(service).prepare_charge(top_up, method_id) == charge
        assert service.gateway.fetch(charge).payments == ()
        for _ in range(2):
            state = self._gateway(service).confirm_charge(charge)
            assert state.status is TopUpStatus.SETTLED
            assert [payment.amount for payment in state.payments] == [top_up.amount]
            assert (state.reference, state.method_id) == (top_up.id, method_id)

    def test_g10_a_confirmation_whose_answer_was_lost_is_looked_up(self, service: GatewayLab) -> None:
        top_up = service.top_up()
        method_id = self._saved(service, top_up.customer_id)
        charge = self._gateway(service).prepare_charge(top_up, method_id)
        service.inject(RequestFault.DROP_AFTER_EFFECT)
        with pytest.raises(GatewayUnreachable):
            self._gateway(service).confirm_charge(charge)
        assert len(service.gateway.fetch(charge).payments) == 1
        assert len(self._gateway(service).confirm_charge(charge).payments) == 1

    def test_g10_a_decline_is_a_state(self, service: GatewayLab) -> None:
        top_up = service.top_up()
        method_id = self._saved(service, top_up.customer_id, declines=True)
        charge = self._gateway(service).prepare_charge(top_up, method_id)
        for _ in range(2):
            state = self._gateway(service).confirm_charge(charge)
            assert (state.status, state.payments) == (TopUpStatus.FAILED, ())
            assert state.failure

    def test_a_method_of_another_is_not_charged(self, service: GatewayLab) -> None:
        method_id = self._saved(service, service.top_up().customer_id)
        with pytest.raises(GatewayRefused):
            self._gateway(service).prepare_charge(service.top_up(), method_id)

    def _saved(self, service: GatewayLab, customer_id: str, *, declines: bool = False) -> str:
        key = service.top_up().id
        checkout = self._gateway(service).begin_saving(customer_id, "payer@example.com", key)
        assert self._gateway(service).begin_saving(customer_id, "payer@example.com", key) == checkout
        cast("SavingLab", service).save(checkout.provider_id, declines=declines)
        method_id = service.gateway.fetch(checkout.provider_id).method_id
        assert method_id
        return method_id

    @staticmethod
    def _gateway(service: GatewayLab) -> SupportsSavedMethods:
        gateway = service.gateway
        assert isinstance(gateway, SupportsSavedMethods)
        return gateway


@pytest.mark.needs(Lever.LISTING)
class TestListing:
    def test_what_was_settled_is_listed_by_its_time(self, service: GatewayLab) -> None:
        gateway = service.gateway
        assert isinstance(gateway, SupportsListing)
        (top_up, provider_id), (unpaid, unpaid_provider_id) = paid(service), created(service)
        (payment,) = gateway.fetch(provider_id).payments
        second = timedelta(seconds=1)
        listed = list(gateway.settled(payment.at, payment.at + second))
        found = [state for state in listed if (state.reference or state.provider_id) in {top_up.id, provider_id}]
        assert [state.payments for state in found] == [(payment,)]
        assert not {unpaid.id, unpaid_provider_id} & {state.reference or state.provider_id for state in listed}
        before = gateway.settled(payment.at - second, payment.at)
        assert not {top_up.id, provider_id} & {state.reference or state.provider_id for state in before}


def test_a_mark_tells_what_was_paid_with(service: GatewayLab) -> None:
    """Payments of one payer have the same mark, which is no card or account number; a chain gives no mark."""
    marks = []
    for _ in range(2):
        top_up, provider_id = created(service)
        assert service.gateway.fetch(provider_id).payers == frozenset()
        service.pay(top_up)
        marks.append(service.gateway.fetch(provider_id).payers)
    assert marks[0] == marks[1]
    known = 0 if service.gateway.name in {"btcpay", "oxapay"} else 1
    assert [len(mark) for mark in marks[0]] == [32] * known
