"""Ways to pay that a customer has saved with a gateway.

The gateway keeps them, and says which there are; ours is only which of them the customer prefers. Nothing of a
card is kept here beyond the id by which the gateway knows it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

from chalicelib.domain.money.top_ups.models import Checkout, GatewayError, PaymentMethod
from chalicelib.domain.money.top_ups.ports import SupportsSavedMethods
from chalicelib.domain.money.top_ups.service import Gateways
from chalicelib.domain.people.accounts.models import User
from chalicelib.kernel.errors import Conflict, NotFound, PaymentProviderError

SAVING_GATEWAY = "stripe"
"""The gateway that keeps cards."""
_UNKNOWN = "You have no such payment method."


class PreferredMethods(Protocol):
    """Which saved method a customer prefers. Reads are strongly consistent."""

    def preferred(self, customer_id: str) -> str | None:
        """The id of the method; it may be gone by now."""
        ...

    def prefer(self, customer_id: str, method_id: str) -> None:
        """Remember the choice."""
        ...


class People(Protocol):
    """Who somebody is."""

    def get(self, user_id: str) -> User | None:
        """The user, as last written."""
        ...


class PaymentMethods:
    """A customer's saved methods."""

    def __init__(
        self,
        preferred: PreferredMethods,
        gateways: Gateways,
        users: People,
        configured: Callable[[], Collection[str]],
    ) -> None:
        self._preferred = preferred
        self._gateways = gateways
        self._users = users
        self._configured = configured

    def are_offered(self) -> bool:
        """Whether this installation has the gateway that keeps cards."""
        return SAVING_GATEWAY in self._configured()

    def list(self, customer_id: str) -> Sequence[PaymentMethod]:
        """The customer's methods, as the gateway has them now, the newest first.

        One of them is the default: the one that was chosen, or else the newest.

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
        """Let the customer enter a card, in the gateway's own form; the same `key` again gives the same form.

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
