"""Payment gateways, and the services that use them."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.money.books import Books

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.money.auto_top_up import DynamoAutoTopUpRecords
    from chalicelib.domain.money.auto_top_up.service import AutoTopUps
    from chalicelib.domain.money.bank.desk import BankDesk
    from chalicelib.domain.money.payment_methods.service import PaymentMethods
    from chalicelib.domain.money.refunds.ports import RefundRecords
    from chalicelib.domain.money.refunds.service import Refunds
    from chalicelib.domain.money.top_ups.ports import Gateway, Gateways, Rates, TopUpRecords
    from chalicelib.domain.money.top_ups.settlement import Settlement
    from chalicelib.domain.money.top_ups.top_ups import TopUps
    from chalicelib.domain.money.top_ups.webhooks import Webhooks


class Payments(Books):
    """Payment gateways, and the services that use them."""

    @cached_property
    def auto_top_up_records(self) -> DynamoAutoTopUpRecords:
        """Storage of auto top-up rules."""
        from chalicelib.adapters.dynamodb.money.auto_top_up import DynamoAutoTopUpRecords

        return DynamoAutoTopUpRecords()

    @cached_property
    def gateway(self) -> Gateways:
        """The adapters of payment gateways, by name; each is built once."""
        return cache(self._gateway)

    def _gateway(self, name: str) -> Gateway:
        """The adapter of a payment gateway.

        Raises:
            NotFound: there is no gateway of this name.
        """
        from chalicelib.adapters.aws.secrets import secret_text
        from chalicelib.kernel.errors import NotFound

        secret = secret_text(self.core.settings.payment_secret_id)
        match name:
            case "stripe":
                from chalicelib.adapters.gateways.stripe.config import StripeConfig
                from chalicelib.adapters.gateways.stripe.gateway import StripeGateway

                return StripeGateway(StripeConfig.from_secret(secret), self.core.clock)
            case "btcpay":
                from chalicelib.adapters.gateways.btcpay.config import BTCPayConfig
                from chalicelib.adapters.gateways.btcpay.gateway import BTCPayGateway

                return BTCPayGateway(BTCPayConfig.from_secret(secret))
            case "oxapay":
                from chalicelib.adapters.gateways.oxapay.config import OxaPayConfig
                from chalicelib.adapters.gateways.oxapay.gateway import OxaPayGateway

                return OxaPayGateway(OxaPayConfig.from_secret(secret))
            case "paypal":
                from chalicelib.adapters.gateways.paypal.config import PayPalConfig
                from chalicelib.adapters.gateways.paypal.gateway import PayPalGateway

                return PayPalGateway(PayPalConfig.from_secret(secret), self.core.clock)
            case "bank":
                from chalicelib.adapters.gateways.bank.config import BankConfig
                from chalicelib.adapters.gateways.bank.gateway import BankGateway

                return BankGateway(BankConfig.from_secret(secret))
            case _:
                raise NotFound(f"There is no payment gateway called {name}.")

    @cached_property
    def crypto_gateway_name(self) -> str:
        """The crypto gateway for new top-ups: the first one that is configured."""
        import json

        from chalicelib.adapters.aws.secrets import secret_text
        from chalicelib.kernel.errors import Unavailable

        configured = json.loads(secret_text(self.core.settings.payment_secret_id))
        for name in ("btcpay", "oxapay"):
            if name in configured:
                return name
        raise Unavailable("Crypto top-ups are not offered at the moment.")

    @cached_property
    def top_up_records(self) -> TopUpRecords:
        """Storage of top-ups."""
        from chalicelib.adapters.dynamodb.money.top_ups import DynamoTopUpRecords

        return DynamoTopUpRecords()

    @cached_property
    def rates(self) -> Rates:
        """Exchange rates."""
        from chalicelib.adapters.dynamodb.money.top_ups import DynamoRates

        return DynamoRates()

    @cached_property
    def settlement(self) -> Settlement:
        """Books the payments, refunds and disputes that gateways report."""
        from chalicelib.domain.money.top_ups.settlement import Settlement

        return Settlement(
            self.top_up_records, self.gateway, self.ledger, self.rates, self.core.transactor, self.core.clock
        )

    @cached_property
    def refund_records(self) -> RefundRecords:
        """Storage of refund orders."""
        from chalicelib.adapters.dynamodb.money.refunds import DynamoRefundRecords

        return DynamoRefundRecords()

    @cached_property
    def refunds(self) -> Refunds:
        """Orders refunds."""
        from chalicelib.domain.money.refunds.service import Refunds

        return Refunds(
            self.refund_records,
            self.top_up_records,
            self.gateway,
            self.ledger,
            self.settlement,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def payment_methods(self) -> PaymentMethods:
        """Saved payment methods."""
        from chalicelib.adapters.dynamodb.money.payment_methods import DynamoPreferredMethods
        from chalicelib.domain.money.payment_methods.service import PaymentMethods

        return PaymentMethods(
            DynamoPreferredMethods(), self.gateway, self.people.users, lambda: self.gateway_names
        )

    @cached_property
    def auto_top_ups(self) -> AutoTopUps:
        """Charges saved cards when balances are low."""
        from chalicelib.domain.money.auto_top_up.service import AutoTopUps
        from chalicelib.domain.money.payment_methods.saved_charges import SavedCharges

        return AutoTopUps(
            self.auto_top_up_records,
            self.payment_methods,
            SavedCharges(self.top_up_records, self.gateway, self.settlement),
            self.ledger,
            self.people.customer_mail,
            self.foundation.activity_log,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def top_ups(self) -> TopUps:
        """Top-ups that customers create and read."""
        from chalicelib.domain.money.top_ups.top_ups import TopUps

        return_url = f"{self.core.settings.public_url}/billing"
        return TopUps(
            self.top_up_records, self.gateway, self.settlement, self.core.transactor, self.core.clock, return_url
        )

    @cached_property
    def bank_desk(self) -> BankDesk:
        """The desk where staff handle bank transfers."""
        from typing import cast

        from chalicelib.adapters.dynamodb.money.bank import DynamoUnmatchedTransfers
        from chalicelib.domain.money.bank.desk import GATEWAY, BankDesk
        from chalicelib.domain.money.bank.ports import Bank

        def bank() -> Bank:
            return cast("Bank", self.gateway(GATEWAY))

        return BankDesk(
            DynamoUnmatchedTransfers(),
            bank,
            self.top_up_records,
            self.settlement,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def gateway_names(self) -> tuple[str, ...]:
        """The gateways that are configured."""
        import json

        from chalicelib.adapters.aws.secrets import secret_text

        return tuple(json.loads(secret_text(self.core.settings.payment_secret_id)))

    @cached_property
    def webhooks(self) -> Webhooks:
        """Receives gateways' webhooks."""
        from chalicelib.adapters.aws.queues import SqsNoticeQueue
        from chalicelib.adapters.dynamodb.money.top_ups import DynamoNoticeRecords
        from chalicelib.domain.money.top_ups.webhooks import Webhooks

        queue = SqsNoticeQueue(self.core.settings.notice_queue_url)
        return Webhooks(
            self.gateway, DynamoNoticeRecords(), queue, self.top_up_records, self.settlement, self.core.clock
        )
