"""Where a requester may be called back, what it is told, and how that proves itself."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pdp.access_request.notices import Notices
from pdp.background.credentials import derived_secret
from pdp.core.values import JsonObject
from pdp.store import interactions
from pdp.trust.webhook_signature import parse_secret, verify
from tests.access_request.world import BASE, CLIENTS, HOUR, NOW, Pdp, client, problem, serving
from tests.background.sink import Sink, listening

SECRET = "whsec_" + "a2V5a2V5" * 4
Start = Callable[..., Any]


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Somebody to call."""
    with listening() as listener:
        yield listener


@pytest.fixture
def start(database_url: str, sink: Sink) -> Start:
    """Starts a PDP whose caller may be called at the sink."""

    @contextmanager
    def started(**more: Any) -> Iterator[Pdp]:
        own = client("pep", "pep", **{"callbacks": [f"{sink.url}/cb/*"], **more})
        outbound = {"allow_networks": ["127.0.0.0/8"]}
        with serving(database_url, clients=[own, *CLIENTS[1:]], outbound=outbound) as found:
            yield found

    return started


def called(pdp: Pdp, sink: Sink, count: int = 1) -> list[JsonObject]:
    """What the sink was told, as soon as that is so much."""
    pdp.services.runner.run_due(pdp.now)
    return [dict(each.json) for each in sink.wait_for(count, 10)]


@pytest.mark.requirement("ARAP-212")
@pytest.mark.requirement("ARAP-213")
@pytest.mark.requirement("ARAP-215")
def test_the_requester_is_told_how_it_ended(start: Start, sink: Sink) -> None:
    with start(callback_secret=SECRET) as pdp:
        endpoint = {"endpoint": f"{sink.url}/cb/1", "state": "süß"}
        task = pdp.opened("manager-1", callback=endpoint)
        pdp.services.runner.run_due(pdp.now)
        assert sink.received == []
        pdp.vote(task["id"], "bob")
        (told,) = called(pdp, sink)
        shown = pdp.status(task["id"]).json()
        assert told["state"] == "süß"
        assert told["task"] == shown["task"]
        assert told["result"]["approval"]["id"] == shown["result"]["approval"]["id"]
        received = sink.received[0]
        assert received.path == "/cb/1"
        verify(received.headers, received.body, [parse_secret(SECRET)], NOW)


def test_a_secret_of_its_own_signs_where_none_is_configured(start: Start, sink: Sink) -> None:
    with start() as pdp:
        task = pdp.opened("manager-1", callback={"endpoint": f"{sink.url}/cb/1"})
        pdp.cancel(task["id"])
        (told,) = called(pdp, sink)
        assert told["task"]["status"] == "cancelled"
        assert "state" not in told
        secret = derived_secret(pdp.services.keys, "pep")
        verify(sink.received[0].headers, sink.received[0].body, [secret], NOW)


def test_a_bearer_token_proves_the_call(start: Start, sink: Sink) -> None:
    with start(callback_bearer="b-1") as pdp:
        task = pdp.opened("manager-1", callback={"endpoint": f"{sink.url}/cb/1"})
        pdp.cancel(task["id"])
        called(pdp, sink)
        assert sink.received[0].headers["authorization"] == "Bearer b-1"


@pytest.mark.requirement("ARAP-214")
def test_only_the_events_asked_for_are_told(start: Start, sink: Sink) -> None:
    with start() as pdp:
        endpoint = {"endpoint": f"{sink.url}/cb/1", "events": ["denied", "x-unheard-of"]}
        pdp.cancel(pdp.opened("manager-1", callback=endpoint)["id"])
        pdp.vote(pdp.opened("manager-2", callback=endpoint)["id"], "bob", "deny")
        (told,) = called(pdp, sink)
        assert told["task"]["status"] == "denied"


def test_expiry_is_told_too(start: Start, sink: Sink) -> None:
    with start() as pdp:
        pdp.opened("manager-1", callback={"endpoint": f"{sink.url}/cb/1"})
        pdp.later(73 * HOUR)
        assert called(pdp, sink)[0]["task"]["status"] == "expired"


@pytest.mark.requirement("ARAP-209")
@pytest.mark.requirement("ARAP-211")
def test_only_registered_addresses_are_called(start: Start, sink: Sink) -> None:
    with start() as pdp:
        body = pdp.denied("manager-1")
        for endpoint in (
            f"{sink.url}/other",
            f"{sink.url}/cb/../other",
            f"{sink.url}/cb/%2e%2e/other",
            "https://evil.example/cb/1",
            "ftp://127.0.0.1/cb/1",
        ):
            reply = pdp.submit(body | {"callback": {"endpoint": endpoint}})
            problem(reply, 400, "invalid_request", "/callback/endpoint")
        assert pdp.submit(body).status_code == 202


@pytest.mark.requirement("ARAP-210")
@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/cb",
        "https://10.1.2.3/cb",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/cb",
        "https://[::ffff:10.0.0.1]/cb",
        "https://localhost/cb",
        "https://nowhere.invalid/cb",
    ],
)
def test_internal_addresses_are_refused_though_registered(database_url: str, url: str) -> None:
    clients = [client("pep", "pep", callbacks=[url])]
    with serving(database_url, clients=clients) as pdp:
        reply = pdp.submit(pdp.denied("manager-1") | {"callback": {"endpoint": url}})
        problem(reply, 400, "invalid_request", "/callback/endpoint")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"endpoint": None}, "/callback/endpoint"),
        ({"endpoint": 7}, "/callback/endpoint"),
        ({"state": 7}, "/callback/state"),
        ({"state": "x" * 3000}, "/callback/state"),
        ({"events": "denied"}, "/callback/events"),
        ({"events": [7]}, "/callback/events"),
        ({"events": []}, "/callback/events"),
        ({"events": ["partial"]}, "/callback/events"),
    ],
)
def test_a_callback_of_another_shape_is_refused(
    start: Start, sink: Sink, change: JsonObject, pointer: str
) -> None:
    with start() as pdp:
        wanted = {"endpoint": f"{sink.url}/cb/1", **change}
        reply = pdp.submit(pdp.denied("manager-1") | {"callback": wanted})
        problem(reply, 400, "invalid_request", pointer)


def test_a_template_may_call_nobody(start: Start, sink: Sink) -> None:
    with start() as pdp:
        body = pdp.denied("quiet-1") | {"callback": {"endpoint": f"{sink.url}/cb/1"}}
        problem(pdp.submit(body), 400, "unsupported", "/callback")


def test_a_third_party_is_asked_what_it_must_know(database_url: str) -> None:
    with serving(database_url) as pdp:
        task = pdp.opened("partner-1")
        (job,) = pdp.jobs(task["id"], "external_call")
        name = str(job.payload["interaction"])
        waiting = pdp.services.database.read(lambda s: interactions.get(s, name))
        assert waiting is not None
        asked = Notices(pdp.services.desk).external_body(waiting, "t-1", pdp.now)
        assert asked is not None and json.dumps(asked)
        assert asked["subject"] == {"type": "user", "id": "alice"}
        assert asked["resource"] == {"type": "doc", "id": "partner-1"}
        assert asked["reply"] == {"url": f"{BASE}/access/v1/answers", "token": "t-1"}
        pdp.cancel(task["id"])
        assert Notices(pdp.services.desk).external_body(waiting, "t-1", pdp.now) is None
