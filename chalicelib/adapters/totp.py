"""`OneTimeCodes` with pyotp: SHA-1, six digits, 30 seconds, which every authenticator app supports."""

from datetime import datetime

import pyotp
from pyotp.utils import strings_equal

from chalicelib.kernel.clock import epoch_seconds

_STEP_SECONDS = 30
_DRIFT_STEPS = 1
_ISSUER = "Hearth"


class PyotpCodes:
    """Codes of RFC 6238; section 5.2 recommends one step of drift, and comparing in constant time."""

    def new_secret(self) -> str:
        """Return 160 random bits in base32 (RFC 4226, section 4, R6); see `OneTimeCodes.new_secret`."""
        return pyotp.random_base32(32)

    def uri(self, secret: str, account: str) -> str:
        """See `OneTimeCodes.uri`; https://github.com/google/google-authenticator/wiki/Key-Uri-Format."""
        return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=_ISSUER)

    def step_of(self, secret: str, code: str, now: datetime) -> int | None:
        """See `OneTimeCodes.step_of`."""
        codes, current = pyotp.HOTP(secret), epoch_seconds(now) // _STEP_SECONDS
        steps = range(current - _DRIFT_STEPS, current + _DRIFT_STEPS + 1)
        right = [step for step in steps if strings_equal(codes.at(step), code)]
        return max(right, default=None)
