"""The text of a key, the networks from which it may be used, and the meaning of scopes."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.foundation.access.key_texts import (
    KEY_PATTERN,
    key_id_in,
    looks_like_a_key,
    new_text,
    prefix_of,
)
from chalicelib.domain.foundation.access.models import ROLE_SCOPES, Role, Scope
from chalicelib.domain.foundation.access.networks import InvalidNetwork, covers, lets_in, normalised
from chalicelib.domain.foundation.access.scopes import SENTENCES, granted, wildcards
from chalicelib.kernel.errors import Forbidden, InvalidInput
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from tests.support.clock import START

_LIVE = "hk_live_"
_KEY_ID = "ak_01RAQ7HDSGC3KD77NGYFSWP6WV"
_KNOWN = "hk_live_01RAQ7HDSGC3KD77NGYFSWP6WV" + "0123456789abcdefghijABCDEFGHIJ0123456789abc" + "3Ahno3"
_PRINTABLE = [chr(code) for code in range(33, 127)]


class TestText:
    def test_a_key_leads_to_its_id_and_matches_the_scanners_pattern(self) -> None:
        key_id = new_id(Kind.API_KEY, START)
        text = new_text(_LIVE, key_id)
        assert key_id_in(text, _LIVE) == key_id
        assert re.fullmatch(KEY_PATTERN, text)
        assert looks_like_a_key(text)

    def test_the_form_is_the_documented_one(self) -> None:
        """Existing keys must be recognised for ever, so this form may never change."""
        assert key_id_in(_KNOWN, _LIVE) == _KEY_ID

    def test_no_two_keys_are_the_same(self) -> None:
        assert len({new_text(_LIVE, _KEY_ID) for _ in range(1_000)}) == 1_000

    @given(st.integers(0, len(_KNOWN) - 1), st.sampled_from(_PRINTABLE))
    def test_g43_any_wrong_character_is_seen_without_asking_anybody(self, place: int, wrong: str) -> None:
        mistyped = _KNOWN[:place] + wrong + _KNOWN[place + 1 :]
        assert (key_id_in(mistyped, _LIVE) is None) == (mistyped != _KNOWN)

    @pytest.mark.parametrize(
        "cut", [_KNOWN[:-1], _KNOWN + "a", _KNOWN + "\n", " " + _KNOWN, "", "hk_live_", "hk_"]
    )
    def test_what_was_not_copied_whole_is_no_key(self, cut: str) -> None:
        assert key_id_in(cut, _LIVE) is None

    def test_a_developers_own_keys_are_none_in_production(self) -> None:
        assert (prefix_of("local"), prefix_of("prod"), prefix_of("dev")) == ("hk_test_", "hk_live_", "hk_live_")
        assert key_id_in(new_text("hk_test_", _KEY_ID), _LIVE) is None

    def test_what_is_kept_is_a_hash_of_the_whole_text(self) -> None:
        assert hash_of(_KNOWN) != hash_of(_KNOWN.swapcase())
        assert re.fullmatch("[0-9a-f]{64}", hash_of(_KNOWN))


def test_the_guide_says_what_the_code_does() -> None:
    """Secret scanners use its pattern, and customers read there what a scope means."""
    guide = (Path(__file__).parents[3] / "docs/guides/api-keys.md").read_text()
    assert f"\n{KEY_PATTERN}\n" in guide
    assert [f"| `{scope}` | {text} |" for scope, text in SENTENCES.items()] == re.findall(
        r"^\| `[a-z-]+:[a-z]+` \|.*$", guide, re.MULTILINE
    )


class TestNetworks:
    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("203.0.113.7", "203.0.113.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8:0:0::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ],
    )
    def test_each_network_is_written_one_way(self, text: str, written: str) -> None:
        assert normalised(text) == written

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "x",
            "203.0.113",
            "203.0.113.0/33",
            "203.0.113.0/-1",
            "203.0.113.0/255.255.255.0",
            "203.0.113.0/24/24",
            "203.0.113.07",
            "fe80::1%eth0",
            "2001:db8::/129",
            ":::",
            "1/8",
            "٢٠٣.0.113.0/24",
            " 203.0.113.0/24",
            "203.0.113.0/24\n",
        ],
    )
    def test_what_is_no_network_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidNetwork, match="Write a network such as"):
            normalised(text)

    def test_an_address_inside_a_network_is_refused_with_what_it_could_mean(self) -> None:
        with pytest.raises(InvalidNetwork, match=re.escape("write 10.1.2.0/24 for all of it, or 10.1.2.3")):
            normalised("10.1.2.3/24")
        with pytest.raises(InvalidNetwork, match=re.escape("write 2001:db8::/32 for all of it, or 2001:db8::1")):
            normalised("2001:db8::1/32")

    @pytest.mark.parametrize(
        ("cidrs", "ip", "is_let_in"),
        [
            ([], "198.51.100.1", True),
            ([], "not an address", True),
            (["203.0.113.0/24"], "203.0.113.255", True),
            (["203.0.113.0/24"], "203.0.114.0", False),
            (["203.0.113.0/24"], "::ffff:203.0.113.7", True),
            (["203.0.113.0/24"], "::ffff:203.0.114.7", False),
            (["203.0.113.0/24"], "2001:db8::1", False),
            (["203.0.113.0/24", "2001:db8::/32"], "2001:db8:ffff::1", True),
            (["::/0"], "203.0.113.7", False),
            (["0.0.0.0/0"], "2001:db8::1", False),
            (["0.0.0.0/0", "::/0"], "test-invoke-source-ip", False),
        ],
    )
    def test_g43_which_callers_are_accepted(self, cidrs: list[str], ip: str, is_let_in: bool) -> None:
        assert lets_in(cidrs, ip) is is_let_in

    @given(st.lists(st.ip_addresses(network="10.0.0.0/29"), max_size=3), st.data())
    def test_g43_a_covering_network_accepts_no_fewer_addresses(
        self, addresses: list[object], data: st.DataObject
    ) -> None:
        def some() -> list[str]:
            prefixes = st.integers(27, 32)
            return [str(ip_network(f"{one}/{data.draw(prefixes)}", strict=False)) for one in addresses]

        outer, inner = some(), some()[: data.draw(st.integers(0, 3))]
        every = [str(one) for one in ip_network("10.0.0.0/26")]
        if covers(outer, inner):
            assert all(lets_in(outer, ip) for ip in every if lets_in(inner, ip))

    def test_covers_knows_the_families_apart(self) -> None:
        assert covers([str(IPv4Network("0.0.0.0/0"))], ["10.0.0.0/8"])
        assert not covers([str(IPv6Network("::/0"))], ["10.0.0.0/8"])
        assert covers([], ["10.0.0.0/8"])
        assert not covers(["10.0.0.0/8"], [])


class TestScopes:
    def test_every_scope_but_the_staffs_and_the_owners_can_be_a_keys(self) -> None:
        assert SENTENCES.keys() == {scope for scope in Scope if not scope.staff_only} - {Scope.CUSTOMER_CLOSE}

    def test_wildcards_are_of_one_resource_each(self) -> None:
        found = dict(wildcards())
        assert found["billing:*"] == [Scope.BILLING_READ, Scope.BILLING_WRITE]
        assert found["customer:*"] == [Scope.CUSTOMER_READ, Scope.CUSTOMER_WRITE]
        assert sum(map(len, found.values())) == len(SENTENCES)

    def test_g43_a_wildcard_is_what_its_granter_holds_now(self) -> None:
        assert granted(["deployments:*"], ROLE_SCOPES[Role.VIEWER]) == {Scope.DEPLOYMENTS_READ}

    @pytest.mark.parametrize("text", ["deployments:write", "billing:*", "billing:read", "api-keys:*"])
    def test_g43_nobody_grants_what_they_do_not_hold(self, text: str) -> None:
        with pytest.raises(Forbidden, match=re.escape(text)):
            granted(["deployments:read", text], ROLE_SCOPES[Role.VIEWER])

    @pytest.mark.parametrize(
        "text",
        ["customer:close", "staff.customers:read", "staff.customers:*", "*", "*:*", "x:read", "billing:close"],
    )
    def test_g43_no_key_holds_what_is_the_staffs_or_the_owners(self, text: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            granted(["deployments:read", text], frozenset(Scope))
        assert refused.value.details[0].field == "scopes.1"
