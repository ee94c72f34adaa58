"""Durations as they are written in configuration."""

from datetime import timedelta

import pytest

from pdp.core.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600),
        ("4h", 14_400),
        ("3d", 259_200),
        ("1h30m", 5_400),
        ("2w", 1_209_600),
        ("45s", 45),
        ("PT1H", 3_600),
        ("P1DT12H", 129_600),
        ("P2W", 1_209_600),
        ("PT90M", 5_400),
    ],
)
def test_it_reads_both_forms(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "10", "m", "P", "PT", "10 m", "10m\n", "1m1h", "1.5h", "-1h", "P1Y", "P1M", "0s", "PT0S"]
    + ["٣h", "36501d", "9" * 40 + "s", "1H"],
)
def test_it_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["10m", "4h", "3d", "1h30m", "1w", "1d1s"])
def test_it_writes_the_short_form(text: str) -> None:
    assert format_duration(parse_duration(text)) == text
