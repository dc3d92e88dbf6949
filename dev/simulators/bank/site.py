"""Constants of the simulated bank: keys, our accounts, signatures."""

import hashlib
import hmac
from typing import Final

API_KEY: Final = "bank-api-key-of-the-simulator"
WEBHOOK_SECRET: Final = "bank-webhook-secret-of-the-simulator"
ACCOUNTS: Final = {
    "USD": "000123456789",
    "EUR": "NL91ABNA0417164300",
    "GBP": "GB29NWBK60161331926819",
    "CAD": "1234567",
    "CHF": "CH9300762011623852957",
    "AED": "AE070331234567890123456",
}
"""Our account in each currency: published example numbers that belong to nobody."""


def sign(body: bytes, timestamp: int, secret: str = WEBHOOK_SECRET) -> dict[str, str]:
    """The headers that sign `body` at `timestamp` (seconds since 1970)."""
    at = str(timestamp)
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Bank-Timestamp": at, "X-Bank-Signature": f"v1={digest}"}
