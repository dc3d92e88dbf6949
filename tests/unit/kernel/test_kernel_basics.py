"""Ids, time and errors."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.kernel.clock import (
    SystemClock,
    epoch_seconds,
    from_epoch_seconds,
    is_time_zone,
    isoformat,
    later,
    parse_isoformat,
)
from chalicelib.kernel.errors import FieldError, InvalidInput, RateLimited
from chalicelib.kernel.ids import Kind, is_id, new_id
from chalicelib.kernel.sites import site_of
from tests.support.clock import START

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=zones)  # noqa: DTZ001 (bounds)


class TestIds:
    @pytest.mark.parametrize("kind", Kind)
    def test_an_id_has_the_form_of_its_kind_and_of_no_other(self, kind: Kind) -> None:
        found = new_id(kind, START)
        assert [other for other in Kind if is_id(other, found)] == [kind]

    def test_ids_sort_by_time(self) -> None:
        at = [START + timedelta(milliseconds=number * 7) for number in range(200)]
        found = [new_id(Kind.EVENT, instant) for instant in at]
        assert sorted(found) == found

    def test_ids_of_one_instant_differ(self) -> None:
        assert len({new_id(Kind.EVENT, START) for _ in range(10_000)}) == 10_000

    @pytest.mark.parametrize(
        "wrong", ["", "dep_", "dep_1", "DEP_01RAQ7HDSGC3KD77NGYFSWP6WV", "01RAQ7HDSGC3KD77NGYFSWP6WV"]
    )
    def test_anything_else_is_none(self, wrong: str) -> None:
        assert not is_id(Kind.DEPLOYMENT, wrong)
        assert not is_id(Kind.DEPLOYMENT, new_id(Kind.DEPLOYMENT, START) + "\n")
        assert not is_id(Kind.DEPLOYMENT, new_id(Kind.DEPLOYMENT, START).lower())


class TestTime:
    @pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Pacific/Kiritimati"])
    def test_zones_of_the_iana_database_are_time_zones(self, name: str) -> None:
        assert is_time_zone(name)

    @pytest.mark.parametrize(
        "name",
        [
            "localtime",
            "posixrules",
            "posix/UTC",
            "right/UTC",
            "tzdata.zi",
            "Europe",
            "europe/berlin",
            "",
            "../UTC",
            "+01:00",
        ],
    )
    def test_files_of_the_operating_system_are_no_time_zones(self, name: str) -> None:
        assert not is_time_zone(name)

    def test_every_time_zone_can_be_used(self) -> None:
        names = [name for name in available_timezones() if is_time_zone(name)]
        assert len(names) > 500
        for name in names:
            assert ZoneInfo(name).utcoffset(START) is not None

    def test_the_machines_clock_is_in_utc(self) -> None:
        assert SystemClock().now().utcoffset() == timedelta(0)

    @given(instants)
    def test_an_instant_reads_back_the_same(self, instant: datetime) -> None:
        assert parse_isoformat(isoformat(instant)) == instant

    @given(instants, instants)
    def test_the_order_of_texts_is_the_order_of_instants(self, one: datetime, other: datetime) -> None:
        assert (isoformat(one) < isoformat(other)) == (one < other)

    @given(instants)
    @example(datetime(2515, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC))  # more digits than a float has
    def test_seconds_are_rounded_down(self, instant: datetime) -> None:
        whole = from_epoch_seconds(epoch_seconds(instant))
        assert timedelta(0) <= instant - whole < timedelta(seconds=1)

    @pytest.mark.parametrize("wrong", ["", "x", "2031-05-04", "2031-05-04T12:00:00", "2031-13-01T00:00:00Z"])
    def test_an_instant_without_an_offset_is_refused(self, wrong: str) -> None:
        with pytest.raises(ValueError, match=r"offset|Invalid|month"):
            parse_isoformat(wrong)

    def test_any_offset_is_read_as_utc(self) -> None:
        found = parse_isoformat("2031-05-04T14:00:30+02:00")
        assert (found, found.tzinfo) == (START, UTC)

    def test_later_is_later(self) -> None:
        assert later(START, 90) == START + timedelta(seconds=90)


class TestErrors:
    def test_an_error_says_its_own_sentence_unless_given_another(self) -> None:
        assert InsufficientBalance().message == InsufficientBalance.sentence
        assert InsufficientBalance("Add 3.00.").message == "Add 3.00."

    def test_the_error_of_one_field_names_it(self) -> None:
        error = InvalidInput.of("storage.sizeGb", "At most 100.")
        assert (error.message, error.details) == ("At most 100.", (FieldError("storage.sizeGb", "At most 100."),))

    def test_a_limit_says_when_it_ends(self) -> None:
        assert RateLimited(retry_after_seconds=7).retry_after_seconds == 7


@pytest.mark.parametrize(
    ("ip", "site"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("test-invoke-source-ip", "test-invoke-source-ip"),
    ],
)
def test_an_ipv6_subscriber_is_one_site_whatever_addresses_they_pick(ip: str, site: str) -> None:
    assert site_of(ip) == site
