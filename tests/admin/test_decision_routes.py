"""The decision log through the admin API, on every database."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.admin.conftest import StartReplica
from tests.admin.replicas import AUDITOR_KEY, DECISIONS, POLICIES, Replica


def logged(call: Replica, **wanted: Any) -> list[dict[str, Any]]:
    """The decisions that a search finds on its first page."""
    answer = call("GET", f"{DECISIONS}?{urlencode(wanted)}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_a_decision_is_there_as_soon_as_it_was_answered(start: StartReplica) -> None:
    call = start()
    assert call.may_read("alice", "plan")
    (item,) = logged(call)
    assert (item["decision"], item["subject_id"], item["action"]) == (True, "alice", "read")
    assert (item["resource_type"], item["resource_id"]) == ("document", "plan")
    assert item["caller"] == "demo-pep"
    assert item["detail"]["policies"] == ["staff-read"]
    assert item["policy_version"] == call("GET", POLICIES).json()["version"]


def test_the_request_id_finds_the_decision(start: StartReplica) -> None:
    call = start()
    asked = {
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "read"},
        "resource": {"type": "document", "id": "plan"},
    }
    call("POST", "/access/v1/evaluation", asked, "demo-pep-key", x_request_id="r-4815")
    assert [item["request_id"] for item in logged(call)] == ["r-4815"]


def test_filters_narrow_and_combine(start: StartReplica) -> None:
    call = start()
    for name in ("alice", "bob"):
        for document in ("plan", "map"):
            call.may_read(name, document)
    assert len(logged(call)) == 4
    assert {item["subject_id"] for item in logged(call, subject="bob")} == {"bob"}
    assert {item["resource_id"] for item in logged(call, resource="map")} == {"map"}
    assert len(logged(call, subject="bob", resource="map")) == 1
    assert {item["subject_id"] for item in logged(call, decision="true")} == {"alice"}
    assert {item["subject_id"] for item in logged(call, decision="false")} == {"bob"}
    assert len(logged(call, asked_by="demo-pep", action="read")) == 4
    assert logged(call, asked_by="demo-as") == []
    assert logged(call, policy_version="0") == []
    version = call("GET", POLICIES).json()["version"]
    assert len(logged(call, policy_version=version)) == 4


def test_since_and_until_cut_the_time(start: StartReplica) -> None:
    call = start()
    for document in ("one", "two", "three"):
        call.may_read("alice", document)
    three, two, one = logged(call)
    assert [each["resource_id"] for each in (three, two, one)] == ["three", "two", "one"]
    assert logged(call, since=two["at"]) == [three, two]
    assert logged(call, until=two["at"]) == [one]
    assert logged(call, since=two["at"], until=three["at"]) == [two]
    assert call("GET", f"{DECISIONS}?since=2026-01-01T00:00:00").status_code == 400


def test_pages_together_are_the_whole(start: StartReplica) -> None:
    call = start()
    for number in range(7):
        call.may_read("alice", f"d{number}")
    found, cursor = [], None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        page = call("GET", f"{DECISIONS}?limit=3{more}").json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == logged(call)
    assert [item["resource_id"] for item in found] == [f"d{number}" for number in range(6, -1, -1)]


@pytest.mark.parametrize("bad", ["cursor=x", "cursor=AAAA", "limit=0", "limit=1001", "decision=2"])
def test_a_search_that_cannot_be_read_is_a_bad_request(start: StartReplica, bad: str) -> None:
    answer = start()("GET", f"{DECISIONS}?{bad}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_redacted_is_nowhere(start: StartReplica, folder: Path) -> None:
    rules = ["/subject/properties/ssn", "/context/*", "/resource/properties/a~1b"]
    call = start(log={"redact": rules})
    asked = {
        "subject": {"type": "user", "id": "alice", "properties": {"ssn": "hush-1", "level": 1}},
        "action": {"name": "read"},
        "resource": {"type": "document", "id": "plan", "properties": {"a/b": "hush-2"}},
        "context": {"token": "hush-3", "more": {"x": "hush-4"}},
    }
    call("POST", "/access/v1/evaluation", asked, "demo-pep-key")
    (item,) = logged(call)
    assert "hush" not in json.dumps(item)
    request = item["detail"]["request"]
    assert request["subject"]["properties"] == {"ssn": "[redacted]", "level": 1}
    assert request["context"] == {"token": "[redacted]", "more": "[redacted]"}


def test_sampling_leaves_out_permits_and_never_denials(start: StartReplica) -> None:
    call = start(log={"sample_allow": 0.0})
    for name in ("alice", "bob", "alice"):
        call.may_read(name)
    assert [item["subject_id"] for item in logged(call)] == ["bob"]


def test_a_batch_leaves_one_record_an_item(start: StartReplica) -> None:
    call = start()
    body = {
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "read"},
        "evaluations": [{"resource": {"type": "document", "id": f"d{n}"}} for n in range(5)],
    }
    call("POST", "/access/v1/evaluations", body, "demo-pep-key")
    assert sorted(item["resource_id"] for item in logged(call)) == [f"d{n}" for n in range(5)]


def test_every_replica_shows_the_decisions_of_all(start: StartReplica) -> None:
    one, other = start(), start()
    one.may_read("alice", "here")
    logged(one)
    assert [item["resource_id"] for item in logged(other)] == ["here"]


def test_the_log_is_for_auditors_and_administrators(start: StartReplica) -> None:
    call = start()
    assert call("GET", DECISIONS, None, AUDITOR_KEY).status_code == 200
    assert call("GET", DECISIONS, None, "demo-pep-key").status_code == 403
    assert call("GET", DECISIONS, None, None).status_code == 401


def test_to_a_file_it_is_json_lines(start: StartReplica, folder: Path) -> None:
    file = folder / "decisions.jsonl"
    call = start(log={"decisions": "file", "decisions_file": file, "redact": ["/subject/id"]})
    call.may_read("alice")
    assert logged(call) == []
    (line,) = [json.loads(text) for text in file.read_text().splitlines()]
    assert (line["event"], line["decision"], line["policies"]) == ("decision", True, ["staff-read"])
    assert line["request"]["subject"]["id"] == "[redacted]"
