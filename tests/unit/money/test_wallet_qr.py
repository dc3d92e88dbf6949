"""The QR code of a crypto top-up for wallets."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
import segno

from chalicelib.adapters.qr import SegnoQrCodes
from chalicelib.domain.money.crypto.wallets import wallet_uri
from chalicelib.domain.money.top_ups.models import Amount, Checkout, Method, TopUp, TopUpStatus
from functions.money.top_ups.schemas import TopUpView

AT = datetime(2026, 1, 1, tzinfo=UTC)
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"
SVG = "{http://www.w3.org/2000/svg}"


def top_up(asset: str = "USDT", network: str = "ETH", address: str | None = ADDRESS) -> TopUp:
    return TopUp(
        id="top_1",
        customer_id="cus_1",
        gateway="btcpay",
        method=Method.CRYPTO,
        amount=Amount(25_500_000),
        status=TopUpStatus.AWAITING_PAYMENT,
        created_at=AT,
        updated_at=AT,
        deadline_at=AT,
        asset=asset,
        network=network,
        checkout=Checkout(
            provider_id="p1",
            address=address,
            network=network,
            pay_amount=Amount(25_500_000, asset),
            redirect_url="https://pay.example.net/i/p1",
        ),
    )


@pytest.mark.parametrize(
    ("asset", "network", "chain", "units"),
    [
        ("USDT", "ETH", 1, 25_500_000),
        ("USDC", "ETH", 1, 25_500_000),
        ("USDT", "BSC", 56, 25_500_000 * 10**12),
        ("USDC", "BSC", 56, 25_500_000 * 10**12),
        ("USDT", "POLYGON", 137, 25_500_000),
        ("USDC", "POLYGON", 137, 25_500_000),
    ],
)
def test_a_wallet_is_told_token_chain_receiver_and_amount(
    asset: str, network: str, chain: int, units: int
) -> None:
    uri = wallet_uri(top_up(asset, network))
    assert uri is not None
    match = re.fullmatch(r"ethereum:(0x[0-9a-fA-F]{40})@(\d+)/transfer\?address=(0x\w{40})&uint256=(\d+)", uri)
    assert match is not None, uri
    assert match.groups()[1:] == (str(chain), ADDRESS, str(units))
    assert match[1] != ADDRESS, "the target is the token, not the receiver"


def test_no_two_ways_to_pay_share_a_token() -> None:
    pairs = [(asset, network) for asset in ("USDT", "USDC") for network in ("ETH", "BSC", "POLYGON")]
    targets = {str(wallet_uri(top_up(*pair))).partition("/")[0] for pair in pairs}
    assert len(targets) == len(pairs)


def test_what_is_paid_in_part_is_not_asked_for_in_full_again() -> None:
    partly = replace(top_up(), status=TopUpStatus.PARTIALLY_PAID)
    assert str(wallet_uri(partly)).endswith(f"?address={ADDRESS}")


def test_without_an_address_the_hosted_page_is_shown_and_nothing_once_it_is_over() -> None:
    assert wallet_uri(top_up(address=None)) == "https://pay.example.net/i/p1"
    assert wallet_uri(replace(top_up(), status=TopUpStatus.EXPIRED)) is None


def test_an_address_of_another_form_is_shown_as_it_is() -> None:
    assert wallet_uri(top_up(address="bc1qxyz")) == "bc1qxyz"


def test_the_code_draws_the_uri_as_an_svg_document() -> None:
    """The drawing has the same dark modules as the QR code of the text."""
    uri = str(wallet_uri(top_up()))
    drawn = SegnoQrCodes().svg(uri)
    root = ElementTree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    path = next(item for item in root.iter(f"{SVG}path") if item.get("stroke"))
    lengths = [int(length) for length in re.findall(r"h(\d+)", str(path.get("d")))]
    matrix = segno.make_qr(uri, error="m", boost_error=False).matrix
    assert sum(lengths) == sum(bit for row in matrix for bit in row)
    assert len(drawn) < 16_000


def test_lists_name_the_uri_and_leave_the_drawing_out() -> None:
    listed, shown = TopUpView.of(top_up()), TopUpView.of(top_up(), SegnoQrCodes())
    assert listed.checkout is not None
    assert shown.checkout is not None
    assert listed.checkout.payment_uri == shown.checkout.payment_uri == wallet_uri(top_up())
    assert listed.checkout.qr_svg is None
    assert str(shown.checkout.qr_svg).startswith("<svg ")
