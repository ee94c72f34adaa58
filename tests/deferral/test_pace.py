"""A pending poll costs no transaction, and the pace is kept all the same."""

from collections import Counter
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event

from pdp.deferral.pace import Pace
from pdp.store import deferrals
from tests.access_request.world import BASE
from tests.deferral.world import AGENT, Server, oauth_serving


def pending_at_once(server: Server, code: str, count: int) -> Counter[str]:
    """The errors of several polls at the same time."""
    requests = [
        httpx.Request(
            "POST",
            f"{BASE}/oauth/v1/deferrals/poll",
            headers={"authorization": "Bearer as-1"},
            json={"deferral_code": code, "client": AGENT},
        )
        for _ in range(count)
    ]
    return Counter(reply.json()["error"] for reply in server.pdp.at_once(*requests))


@pytest.mark.requirement("AROP-029")
def test_a_poll_in_its_time_writes_nothing(server: Server) -> None:
    code = server.deferred("manager-1")
    done: list[str] = []

    def note(*given: object) -> None:
        done.append(str(given[2]).split()[0])

    engine = server.pdp.services.database.writer
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert server.error(code) == "authorization_pending"
        assert set(done) <= {"SELECT"}
        assert server.error(code) == "slow_down"
        assert "UPDATE" in done
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.requirement("DTR-023")
def test_of_polls_at_once_one_is_in_its_time(server: Server) -> None:
    code = server.deferred("manager-1")
    found = pending_at_once(server, code, 4)
    assert found == {"authorization_pending": 1, "slow_down": 3}


@pytest.mark.requirement("DTR-023")
def test_replicas_share_the_pace(server: Server) -> None:
    services = server.pdp.services
    code = server.deferred("manager-1")
    with oauth_serving(services.database.url) as other:
        assert server.error(code) == "authorization_pending"
        services.deferral.pace.flush()
        assert other.error(code) == "slow_down"
        # What one replica made slower, is slower for all.
        for each in (server, other):
            each.pdp.now += timedelta(seconds=6)
        assert server.error(code) == "slow_down"


def test_what_was_polled_is_written_when_the_server_ends(server: Server) -> None:
    database = server.pdp.services.database
    server.deferred("manager-1")
    (deferral,) = server.kept()
    pace = Pace(database)
    now = server.pdp.now
    assert pace.note(deferral.hash, deferral.handle(), now)
    assert pace.known(deferral.hash, deferral.handle()).polled_at == now
    assert server.kept()[0].polled_at is None
    pace.close()
    assert server.kept()[0].polled_at == now
    # An earlier moment, told late by another replica, does not count.
    earlier = {deferral.hash: now - timedelta(seconds=3)}
    database.write(lambda session: deferrals.note_polls(session, earlier))
    assert server.kept()[0].polled_at == now
