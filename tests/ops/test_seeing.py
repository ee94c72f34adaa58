"""What a running server shows of itself: log lines, metrics, health, the reference page."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pdp.ops.health import Check, Health
from pdp.ops.metrics import Metrics
from tests.conformance.worlds import Pep, World, in_process
from tests.ops.processes import eventually

EVALUATION = "/access/v1/evaluation"
QUESTION = {
    "subject": {"type": "user", "id": "alice", "properties": {"badge": "a-private-badge"}},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "101"},
}
# Each path a crawler could try, with ids in it: none of them may become a label.
STRANGE_PATHS = [
    *(f"/access/v1/requests/arq_{n}" for n in range(40)),
    *(f"/admin/v1/entities/User/u{n}" for n in range(40)),
    *(f"/access/v1/{n}/x" for n in range(40)),
    *(f"/nowhere-{n}" for n in range(40)),
    *("/ui/a", "/ui/b/c", "/queue/v1/tasks/1", "/oauth/v1/x", "//", "/metrics/../x"),
]
MOST_AREAS = 40


class Watched(NamedTuple):
    """A server, and where its request log is."""

    pep: Pep
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """What was logged, of requests."""
        found = map(json.loads, self.log.read_text().splitlines())
        return [line for line in found if line["event"] == "request"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the server of a test writes."""
    return tmp_path


@pytest.fixture
def watched(folder: Path) -> Iterator[Watched]:
    """A server whose log can be read."""
    with in_process(World("certification"), folder) as pep:
        yield Watched(pep, folder / "requests.log")


def labels_of(pep: Pep, label: str) -> set[str]:
    """Every value that a label has in what Prometheus scrapes."""
    families = text_string_to_metric_families(pep.get("/metrics").body)
    samples = [sample for family in families for sample in family.samples]
    return {sample.labels[label] for sample in samples if label in sample.labels}


def test_paths_and_ids_never_become_labels(watched: Watched) -> None:
    for path in STRANGE_PATHS:
        watched.pep.get(path)
    watched.pep.send("BREW", "/access/v1/evaluation")
    areas = labels_of(watched.pep, "area")
    assert len(areas) < MOST_AREAS
    assert not any(re.search(r"arq_|u1|nowhere|/x", area) for area in areas)
    assert {"other", "/access/v1/requests", "/admin/v1/entities"} <= areas
    assert labels_of(watched.pep, "status") <= {"200", "401", "403", "404", "405"}


def test_every_label_is_one_of_a_few_names(watched: Watched) -> None:
    watched.pep.post(EVALUATION, QUESTION)
    families = text_string_to_metric_families(watched.pep.get("/metrics").body)
    names = {name for family in families for sample in family.samples for name in sample.labels}
    assert names <= {"area", "status", "outcome", "log", "kind", "queue", "version", "le"}
    assert labels_of(watched.pep, "outcome") <= {
        "permit",
        "deny",
        "requestable",
        "error",
        "ok",
        "failed",
    }


def test_versions_that_are_no_more_in_force_are_forgotten() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.policy_version(f"v{number}")
        metrics.policy_version(f"v{number}")
    text = metrics.render().decode()
    shown = re.findall(r'pdp_policy_version_info\{version="(v\d+)"\} (\d)', text)
    assert shown == [("v95", "0"), ("v96", "0"), ("v97", "0"), ("v98", "0"), ("v99", "1")]


def test_decisions_are_counted_by_outcome_and_timed(watched: Watched) -> None:
    watched.pep.post(EVALUATION, QUESTION)
    watched.pep.post(EVALUATION, {"evaluations": 1})
    text = watched.pep.get("/metrics").body
    decided = re.findall(r'pdp_decisions_total\{outcome="(?:permit|deny)"\} (\d)', text)
    assert sum(map(int, decided)) == 1
    assert "pdp_evaluation_seconds_count 2.0" in text


def test_each_request_is_one_line(watched: Watched) -> None:
    calls = [
        ("GET", "/healthz", 200),
        ("GET", "/nowhere", 404),
        ("PUT", EVALUATION, 405),
        ("POST", EVALUATION, 400),
        ("GET", "/admin/v1/policies", 403),
        ("GET", "/docs", 200),
    ]
    for number, (method, path, status) in enumerate(calls):
        assert watched.pep.send(method, path, x_request_id=f"call-{number}").status == status
    assert watched.pep.with_key(None).send("POST", EVALUATION, x_request_id="nobody").status == 401
    assert eventually(lambda: len(watched.lines()) > len(calls))
    lines = watched.lines()
    assert Counter(line["request_id"] for line in lines) == Counter(
        [*(f"call-{number}" for number in range(len(calls))), "nobody"]
    )
    found = [(line["method"], line["path"], line["status"]) for line in lines]
    assert found == [*calls, ("POST", EVALUATION, 401)]


def test_a_line_has_the_decision_and_the_version_but_nothing_private(
    folder: Path, watched: Watched
) -> None:
    secrets = ["demo-pep-key", "wrong-secret-key", "eyJhbGciOiJub25lIn0.e30.", "c2VjcmV0OnBhc3M="]
    watched.pep.post(EVALUATION, QUESTION)
    for secret in secrets[1:3]:
        watched.pep.with_key(secret).post(EVALUATION, QUESTION)
    watched.pep.post(EVALUATION, QUESTION, authorization=f"Basic {secrets[3]}")
    watched.pep.post(EVALUATION + "?access_token=query-secret", QUESTION)
    watched.pep.with_key("demo-admin-key").send(
        "PUT", "/admin/v1/entities/User/u", b'{"attrs": {"pin": "an-entity-secret"'
    )
    assert eventually(lambda: len(watched.lines()) == 6)
    line = watched.lines()[0]
    assert line.keys() == {
        *("at", "level", "event", "request_id", "method", "path", "status", "ms"),
        *("caller", "decision", "policy_version"),
    }
    text = watched.log.read_text()
    for private in [
        *secrets,
        "demo-admin-key",
        "query-secret",
        "an-entity-secret",
        "a-private-badge",
    ]:
        assert private not in text


def test_ready_says_what_works_and_which_policies(watched: Watched) -> None:
    reply = watched.pep.with_key(None).get("/readyz")
    assert (reply.status, reply.body["status"]) == (200, "ready")
    assert reply.body["parts"]["database"] == "ok"
    assert len(reply.body["policy_version"]) == 64
    assert watched.pep.with_key(None).get("/healthz").body == {"status": "ok"}


def test_a_part_that_fails_makes_it_unready_but_alive(watched: Watched) -> None:
    services = watched.pep.client.app.services

    def broken() -> None:
        raise ConnectionError("password=secret in the address")

    services.health._checks.append(Check("elsewhere", broken))
    reply = watched.pep.get("/readyz")
    assert (reply.status, reply.body["status"]) == (503, "not ready")
    assert reply.body["parts"]["elsewhere"] == "failed: ConnectionError"
    assert watched.pep.get("/healthz").status == 200


def test_a_server_that_ends_says_that_it_is_not_ready() -> None:
    health = Health([Check("all", lambda: None)])
    assert health.ready()[0]
    health.stop()
    assert not health.ready()[0]


class Outside(HTMLParser):
    """Collects whatever a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        fetching = ("src", "srcset", "data", "poster", "action", "background")
        self.found += [str(value) for name, value in attrs if name in fetching]
        if tag != "a":
            self.found += [str(value) for name, value in attrs if name == "href"]


def test_the_reference_page_fetches_nothing(watched: Watched) -> None:
    reply = watched.pep.with_key(None).get("/docs")
    page = Outside()
    page.feed(reply.body)
    assert page.found == []
    assert not page.tags.keys() & {"script", "link", "iframe", "object", "embed", "img"}
    assert "url(" not in reply.body
    assert "@import" not in reply.body
    assert reply.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'sha256-"
    )
    assert "POST" in reply.body
    assert EVALUATION in reply.body
