"""A simulated PayPal: orders, captures, refunds, disputes, the statement, and webhooks signed with a
certificate.
"""

from dev.simulators.paypal.account import CLIENT_ID, CLIENT_SECRET, WEBHOOK_ID
from dev.simulators.paypal.simulator import PayPalSimulator

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_ID", "PayPalSimulator"]
