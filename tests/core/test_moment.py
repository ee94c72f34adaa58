"""Moments on the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pdp.core.moment import format_moment, parse_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-04-30T20:15:00Z", datetime(2026, 4, 30, 20, 15, tzinfo=UTC)),
        ("2026-04-30t20:15:00z", datetime(2026, 4, 30, 20, 15, tzinfo=UTC)),
        ("2026-04-30T22:15:00+02:00", datetime(2026, 4, 30, 20, 15, tzinfo=UTC)),
        ("2026-04-30T20:15:00.5Z", datetime(2026, 4, 30, 20, 15, 0, 500_000, tzinfo=UTC)),
        ("2026-04-30T20:15:00.1234567Z", datetime(2026, 4, 30, 20, 15, 0, 123_456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_it_reads_rfc_3339(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "2026-04-30", "2026-04-30T20:15Z", "2026-04-30T20:15:00", "2026-02-30T20:15:00Z", "1777"]
    + ["2026-04-30T25:15:00Z", "2026-04-30T20:15:00Z\n", "20260430T201500Z", "٢026-04-30T20:15:00Z"]
    + ["0001-01-01T00:00:00+23:59", "2026-04-30T20:15:00+99:00"],
)
def test_it_refuses_the_rest(text: str) -> None:
    with pytest.raises(ValueError, match="moment"):
        parse_moment(text)


@pytest.mark.requirement("ARAP-016")
def test_it_writes_utc_with_a_fraction_only_where_there_is_one() -> None:
    east = timezone(timedelta(hours=2))
    assert format_moment(datetime(2026, 4, 30, 22, 15, tzinfo=east)) == "2026-04-30T20:15:00Z"
    assert format_moment(datetime(2026, 1, 1, 0, 0, 0, 7, UTC)) == "2026-01-01T00:00:00.000007Z"
    assert format_moment(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"
