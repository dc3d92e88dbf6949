"""Payment methods that a customer has saved with a gateway.

The gateway stores and lists them. Hearth stores only which one the customer prefers, by the gateway's id of it,
and no other data of a card.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from chalicelib.domain.money.payment_methods.ports import PreferredMethods, UserLookup
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.domain.money.top_ups.models import Checkout, GatewayError, PaymentMethod
from chalicelib.domain.money.top_ups.ports import Gateways, SupportsSavedMethods
from chalicelib.kernel.errors import Conflict, NotFound

SAVING_GATEWAY = "stripe"
"""The gateway that stores cards."""
_UNKNOWN = "You have no such payment method."


class PaymentMethods:
    """Lists, saves, chooses and removes a customer's payment methods."""

    def __init__(
        self,
        preferred: PreferredMethods,
        gateways: Gateways,
        users: UserLookup,
        configured: Callable[[], Collection[str]],
    ) -> None:
        self._preferred = preferred
        self._gateways = gateways
        self._users = users
        self._configured = configured

    def are_offered(self) -> bool:
        """Whether this installation has the gateway that stores cards."""
        return SAVING_GATEWAY in self._configured()

    def list(self, customer_id: str) -> Sequence[PaymentMethod]:
        """The customer's methods as the gateway has them now, newest first.

        One of them is the default: the one that the customer chose, otherwise the newest.

        Raises:
            PaymentProviderError: the gateway does not answer.
        """
        gateway = self._gateways(SAVING_GATEWAY)
        if not isinstance(gateway, SupportsSavedMethods):
            return []
        try:
            found = gateway.saved_methods(customer_id)
        except GatewayError as error:
            raise PaymentProviderError from error
        chosen = self._preferred.preferred(customer_id)
        if all(method.id != chosen for method in found):
            chosen = found[0].id if found else None
        return [replace(method, is_default=method.id == chosen) for method in found]

    def get(self, customer_id: str, method_id: str) -> PaymentMethod:
        """One method.

        Raises:
            NotFound: this customer has no such method.
            PaymentProviderError: the gateway does not answer.
        """
        found = next((method for method in self.list(customer_id) if method.id == method_id), None)
        if found is None:
            raise NotFound(_UNKNOWN)
        return found

    def begin_saving(self, customer_id: str, user_id: str, key: str) -> Checkout:
        """Start to save a card in the gateway's own form; the same `key` gives the same form.

        Raises:
            PaymentProviderError: the gateway does not answer, or refuses.
        """
        user = self._users.get(user_id)
        if user is None:
            raise NotFound
        gateway = self._saving()
        try:
            return gateway.begin_saving(customer_id, user.email, key)
        except GatewayError as error:
            raise PaymentProviderError from error

    def prefer(self, customer_id: str, method_id: str) -> PaymentMethod:
        """Make a method the default.

        Raises:
            NotFound: this customer has no such method.
            PaymentProviderError: the gateway does not answer.
        """
        found = self.get(customer_id, method_id)
        self._preferred.prefer(customer_id, method_id)
        return replace(found, is_default=True)

    def forget(self, customer_id: str, method_id: str) -> None:
        """Remove a method from the gateway.

        Raises:
            NotFound: this customer has no such method.
            PaymentProviderError: the gateway does not answer.
        """
        found = self.get(customer_id, method_id)
        try:
            self._saving().forget_method(customer_id, found.provider_id)
        except GatewayError as error:
            raise PaymentProviderError from error

    def _saving(self) -> SupportsSavedMethods:
        gateway = self._gateways(SAVING_GATEWAY)
        if not isinstance(gateway, SupportsSavedMethods):
            raise Conflict("Payment methods cannot be saved at the moment.")
        return gateway
