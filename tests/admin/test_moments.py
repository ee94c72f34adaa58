"""Moments in queries: with an offset, and within what UTC can hold."""

import pytest

from tests.admin.serving import Client

PATHS = ("/admin/v1/audit", "/admin/v1/decisions")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(
    "moment", ["2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_a_moment_that_means_nothing_is_a_bad_request(
    call: Client, path: str, name: str, moment: str
) -> None:
    answer = call("GET", path, params={name: moment})
    assert answer.status_code == 400
    assert f"`{name}`" in answer.json()["detail"]


@pytest.mark.parametrize("path", PATHS)
def test_a_moment_with_an_offset_is_taken(call: Client, path: str) -> None:
    answer = call("GET", path, params={"since": "2026-01-01T00:00:00+02:00"})
    assert answer.status_code == 200
