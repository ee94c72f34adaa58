"""Clients are told that their request is resolved (DTR, Callback Notification)."""

from collections.abc import Iterator

import pytest

from pdp.store import deferrals
from tests.background.sink import Sink, listening
from tests.deferral.world import AGENT, TOKEN, Server, oauth_serving


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A client's endpoint."""
    with listening() as listener:
        yield listener


@pytest.fixture
def server(database_url: str, sink: Sink) -> Iterator[Server]:
    """A PDP that may call this machine."""
    outbound = {"allow_networks": ["127.0.0.0/8"], "allow_hosts": ["127.0.0.1"]}
    with oauth_serving(database_url, outbound=outbound) as found:
        yield found


def told(server: Server, sink: Sink, seconds: float = 4) -> int:
    """How often the client was told by then."""
    server.later(seconds)
    return len(sink.received)


@pytest.mark.requirement("DTR-030", "DTR-032", "DTR-034")
def test_the_client_is_told_which_code_to_poll_with(server: Server, sink: Sink) -> None:
    more = {"notification_endpoint": f"{sink.url}/cb", "client_notification_token": TOKEN}
    code = server.deferred("manager-1", **more)
    server.later(60)
    assert sink.received == []
    server.approve()
    assert told(server, sink) == 1
    (received,) = sink.received
    assert received.json == {"deferral_code": code}
    assert received.headers["authorization"] == f"Bearer {TOKEN}"
    assert received.path == "/cb"
    assert server.poll(code).status_code == 200


@pytest.mark.requirement("DTR-030")
def test_without_a_token_no_credential_is_sent(server: Server, sink: Sink) -> None:
    server.deferred("manager-1", notification_endpoint=f"{sink.url}/cb")
    server.later(60)
    server.deny()
    assert told(server, sink) == 1
    assert "authorization" not in sink.received[0].headers


@pytest.mark.requirement("DTR-031")
def test_nobody_is_told_before_the_answer_is_out(server: Server, sink: Sink) -> None:
    server.deferred("manager-1", notification_endpoint=f"{sink.url}/cb")
    server.approve()
    assert told(server, sink, 0) == 0
    assert told(server, sink, 2) == 0
    assert told(server, sink, 2) == 1


@pytest.mark.requirement("DTR-031")
def test_nobody_is_told_of_a_code_that_has_expired(server: Server, sink: Sink) -> None:
    server.deferred("manager-1", notification_endpoint=f"{sink.url}/cb")
    assert told(server, sink, 3 * 86_400) == 0
    server.deferred("manager-2", notification_endpoint=f"{sink.url}/cb")
    server.later(3 * 86_400 - 1)
    server.approve()
    assert told(server, sink, 10) == 0


@pytest.mark.requirement("DTR-031", "DTR-040")
def test_a_notice_that_has_not_begun_is_dropped_with_its_code(server: Server, sink: Sink) -> None:
    code = server.deferred("manager-1", notification_endpoint=f"{sink.url}/cb")
    server.approve()
    server.revoke(code)
    assert told(server, sink, 60) == 0


@pytest.mark.requirement("DTR-032")
def test_a_redirection_is_not_followed_and_the_notice_is_tried_again(
    server: Server, sink: Sink
) -> None:
    sink.answer_next(302, location=f"{sink.url}/elsewhere")
    server.deferred("manager-1", notification_endpoint=f"{sink.url}/cb")
    server.later(60)
    server.approve()
    assert told(server, sink) == 1
    server.later(600)
    assert [each.path for each in sink.received] == ["/cb", "/cb"]


@pytest.mark.requirement("DTR-033")
def test_the_token_is_destroyed_once_it_is_of_no_more_use(server: Server, sink: Sink) -> None:
    more = {"notification_endpoint": f"{sink.url}/cb", "client_notification_token": TOKEN}

    def kept() -> bool:
        ref = server.kept()[-1].ref
        found = server.pdp.services.database.read(lambda s: deferrals.notification(s, ref))
        return found is not None

    server.deferred("manager-1", **more)
    assert kept()
    server.approve()
    server.later(10)
    assert not kept()
    server.revoke(server.deferred("manager-1", **more))
    assert not kept()
    code = server.deferred("manager-1", **more)
    server.approve()
    assert server.poll(code).status_code == 200
    assert not kept()
    server.deferred("manager-1", **more)
    server.later(3 * 86_400 + 90)
    assert not kept()


@pytest.mark.requirement("CIBA-003")
def test_a_ping_names_the_request_to_poll_with(server: Server, sink: Sink) -> None:
    code = server.deferred("manager-1")
    body = {
        "client": AGENT,
        "login_hint": code,
        "delivery_mode": "ping",
        "notification_endpoint": f"{sink.url}/ping",
        "client_notification_token": TOKEN,
    }
    reply = server.post("/backchannel-requests", body)
    assert reply.status_code == 200, reply.text
    server.later(60)
    server.approve()
    assert told(server, sink) == 1
    assert sink.received[0].json == {"auth_req_id": reply.json()["auth_req_id"]}
    assert sink.received[0].headers["authorization"] == f"Bearer {TOKEN}"
