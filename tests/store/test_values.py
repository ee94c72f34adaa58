"""Addresses, cursors and the escaping of text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.store.connect import BadAddress, parse_address
from pdp.store.records import Cursor, page_of
from pdp.store.types import escape_nul, unescape_nul

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x00\ue000\ue001"))


@pytest.mark.parametrize(
    ("address", "driver", "database"),
    [
        ("sqlite:///var/pdp.db", "sqlite+pysqlite", "var/pdp.db"),
        ("sqlite:////var/pdp.db", "sqlite+pysqlite", "/var/pdp.db"),
        ("postgresql://user@host/name", "postgresql+psycopg", "name"),
        ("postgresql+psycopg://user@host/name", "postgresql+psycopg", "name"),
    ],
)
def test_an_address_names_driver_and_database(address: str, driver: str, database: str) -> None:
    url = parse_address(address)
    assert (url.drivername, url.database) == (driver, database)


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:", "mysql://h/n", "nonsense"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        parse_address(address)


@pytest.mark.parametrize("address", ["mysql://user:secret@host/name", "postgres//u:secret@h/n"])
def test_the_refusal_of_an_address_does_not_repeat_its_password(address: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse_address(address)
    assert "secret" not in str(refused.value)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), ANY_TEXT)
def test_a_cursor_comes_back_exactly(at: datetime, identifier: str) -> None:
    cursor = Cursor(at.replace(tzinfo=UTC), identifier)
    assert Cursor.decode(cursor.encode()) == cursor


@given(st.text() | st.sampled_from(["bnVsbA", "WzEsMl0", "WzFlOTk5LCJhIl0", "W10", "W1tdLCJhIl0"]))
def test_what_is_not_a_cursor_is_refused(text: str) -> None:
    try:
        cursor = Cursor.decode(text)
    except ValueError:
        return
    assert isinstance(cursor.at, datetime)
    assert isinstance(cursor.id, str)


def test_a_page_says_whether_there_is_more() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    place = {number: Cursor(start + timedelta(days=number), "x") for number in range(4)}
    assert page_of([0, 1, 2], 2, place.__getitem__) == ([0, 1], place[1])
    assert page_of([0, 1], 2, place.__getitem__) == ([0, 1], None)


@given(ANY_TEXT)
def test_text_is_kept_without_nul_and_comes_back(text: str) -> None:
    escaped = escape_nul(text)
    assert "\x00" not in escaped
    assert unescape_nul(escaped) == text


@given(ANY_TEXT, ANY_TEXT)
def test_different_texts_stay_different(one: str, other: str) -> None:
    assert (escape_nul(one) == escape_nul(other)) == (one == other)
