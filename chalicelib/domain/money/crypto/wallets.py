"""Payment links for wallets: the address, the token and the amount of a crypto top-up in one line.

Tokens on Ethereum and compatible chains use EIP-681 (https://eips.ethereum.org/EIPS/eip-681): the target is the
token's contract, and the receiver is a parameter.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from chalicelib.domain.money.top_ups.models import TopUp, TopUpStatus
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import MICROS_PER_UNIT

_ADDRESS = re.compile(r"0x[0-9A-Fa-f]{40}")
_CHAIN_IDS: Mapping[str, int] = MappingProxyType({"ETH": 1, "BSC": 56, "POLYGON": 137})


@dataclass(frozen=True)
class _Token:
    contract: str
    decimals: int


_TOKENS: Mapping[tuple[str, str], _Token] = MappingProxyType(
    {
        ("USDT", "ETH"): _Token("0xdAC17F958D2ee523a2206206994597C13D831ec7", 6),
        ("USDT", "BSC"): _Token("0x55d398326f99059fF775485246999027B3197955", 18),
        ("USDT", "POLYGON"): _Token("0xc2132D05D31c914a87C6611C10748AEb04B58e8F", 6),
        ("USDC", "ETH"): _Token("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6),
        ("USDC", "BSC"): _Token("0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d", 18),
        ("USDC", "POLYGON"): _Token("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", 6),
    }
)
"""Contracts and decimals from the issuers (https://tether.to/en/supported-protocols,
https://developers.circle.com/stablecoins); on BSC the pegged tokens, which have 18 decimals.
"""


def wallet_uri(top_up: TopUp) -> str | None:
    """The link that a wallet, or else a browser, opens to pay `top_up`; None if there is nothing to pay.

    For a partly paid top-up the link has no amount, because the wallet would ask for the whole amount again.
    """
    checkout = top_up.checkout
    if checkout is None or top_up.status.is_final:
        return None
    if checkout.address is None:
        return checkout.redirect_url
    token, chain_id = _TOKENS.get((top_up.asset, top_up.network)), _CHAIN_IDS.get(top_up.network)
    if token is None or chain_id is None or not _ADDRESS.fullmatch(checkout.address):
        return checkout.address
    asked = f"ethereum:{token.contract}@{chain_id}/transfer?address={checkout.address}"
    if checkout.pay_amount is None or top_up.status is TopUpStatus.PARTIALLY_PAID:
        return asked
    return f"{asked}&uint256={checkout.pay_amount.micros * 10**token.decimals // MICROS_PER_UNIT}"
