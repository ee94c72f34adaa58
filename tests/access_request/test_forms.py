"""Forms: as a JSON Schema for programs, as a page for people, and as a gate at submission."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest

from pdp.core.values import JsonObject
from pdp.policy.form import Form
from tests.access_request.world import BASE, Pdp, Reply, problem, serving

WORLD = Path(__file__).parent.parent / "data" / "catalogs"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
GOOD = {
    "/requested_access/reason": "the audit",
    "/requested_access/agreed": "true",
}


@pytest.fixture
def forms(tmp_path: Path) -> Iterator[Pdp]:
    """A PDP whose workflows have forms of every kind."""
    database = f"sqlite:///{tmp_path}/forms.db"
    with serving(database, policies=WORLD / "policies", schemas=WORLD / "schemas") as found:
        yield found


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))

    def named(self) -> dict[str, tuple[str, dict[str, str | None]]]:
        """The fields, by name."""
        return {str(a["name"]): (tag, a) for tag, a in self.found if "name" in a and tag != "meta"}


def filled(pdp: Pdp, template: str, fields: Any, accept: str = "text/html") -> Reply:
    """A form as a browser sends it."""
    body = urlencode(fields, doseq=True).encode()
    kind = "application/x-www-form-urlencoded"
    path = f"/access/v1/forms/{template}"
    return pdp.call("POST", path, None, body, content_type=kind, accept=accept)


@pytest.mark.requirement("ARAP-034")
def test_the_schema_is_a_json_schema_of_what_to_add(pdp: Pdp) -> None:
    asked = pdp.denied("asked-1")
    context = pdp.call("POST", "/access/v1/evaluation", body=asked).json()["context"]
    url = context["access_request"]["request_schema_url"]
    reply = pdp.call("GET", url.removeprefix(BASE), None)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/schema+json"
    schema = reply.json()
    assert schema["$schema"] == DIALECT
    jsonschema_rs.meta.validate(schema)
    assert "why" in schema["properties"]["requested_access"]["properties"]


@pytest.mark.requirement("ARAP-035")
@pytest.mark.parametrize(
    ("resource", "added"),
    [
        ("asked-1", {"requested_access": {"why": "the audit"}}),
        ("both-1", {"context": {"justification": "x"}, "requested_access": {"role": "reader"}}),
    ],
)
def test_an_instance_of_the_schema_is_what_a_submission_lacked(
    pdp: Pdp, resource: str, added: JsonObject
) -> None:
    template = resource.partition("-")[0]
    schema = pdp.call("GET", f"/access/v1/schemas/{template}", None).json()
    assert jsonschema_rs.is_valid(schema, added)
    assert pdp.submit(pdp.denied(resource) | added).status_code == 202


@pytest.mark.parametrize(
    ("added", "pointers"),
    [
        ({}, ["/requested_access/why"]),
        ({"requested_access": {"why": "no"}}, ["/requested_access/why"]),
        ({"requested_access": {"why": 5, "x~/y": 1}},
         ["/requested_access/why", "/requested_access/x~0~1y"]),
        ({"context": {"why": "the audit"}}, ["/requested_access/why"]),
    ],
)  # fmt: skip
def test_a_submission_that_lacks_something_is_refused_with_the_path_of_each_fault(
    pdp: Pdp, added: JsonObject, pointers: list[str]
) -> None:
    reply = pdp.submit(pdp.denied("asked-1") | added)
    body = reply.json()
    assert reply.status_code == 400
    assert sorted(each["pointer"] for each in body["errors"]) == pointers


def test_a_wish_is_no_stranger_to_a_closed_form(pdp: Pdp) -> None:
    wishes = {"why": "the audit", "requested_until": "2026-04-30T23:00:00Z"}
    assert pdp.submit(pdp.denied("asked-1") | {"requested_access": wishes}).status_code == 202


def test_each_item_of_a_bundle_has_its_own_faults(pdp: Pdp) -> None:
    items = []
    for resource, wishes in (("asked-1", {"why": "the audit"}), ("asked-2", {"why": "no"})):
        asked = pdp.denied(resource)
        item = {name: asked[name] for name in ("resource", "action", "denial")}
        items.append(item | {"requested_access": wishes})
    body = {"subject": {"type": "user", "id": "alice"}, "items": items}
    problem(pdp.submit(body), 400, "invalid_request", "/items/1/requested_access/why")


def test_unknown_templates_and_those_without_a_form_are_not_there(pdp: Pdp) -> None:
    for path in ("/access/v1/schemas/nothing", "/access/v1/schemas/manager", "/access/v1/forms/x"):
        problem(pdp.call("GET", path, None), 404, "not_found")


def test_the_page_asks_for_every_field_without_a_script(forms: Pdp) -> None:
    reply = forms.call("GET", "/access/v1/forms/plain_request", None)
    page = Elements(reply.text)
    fields = page.named()
    at = "/requested_access/"
    kinds = {
        at + "reason": "textarea", at + "agreed": "input", at + "level": "select",
        at + "place/city": "input", at + "place/floor": "input", at + "mail": "input",
        at + "day": "input", at + "tags": "select", at + "notes": "textarea",
        at + "anything": "textarea", at + "share": "input", at + "requested_until": "input",
        at + "emergency": "input",
    }  # fmt: skip
    assert {name: tag for name, (tag, _) in fields.items()} == kinds
    assert fields[at + "place/floor"][1]["max"] == "99"
    assert fields[at + "mail"][1]["type"] == "email"
    labelled = {attributes.get("for") for tag, attributes in page.found if tag == "label"}
    assert {str(attributes["id"]) for _, attributes in fields.values()} <= labelled
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.found}


def test_the_page_may_load_and_run_nothing(forms: Pdp) -> None:
    reply = forms.call("GET", "/access/v1/forms/plain_request", None)
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "http" not in reply.text


def test_what_the_author_wrote_is_text_not_markup(forms: Pdp) -> None:
    reply = forms.call("GET", "/access/v1/forms/plain_request", None)
    assert "In &lt;b&gt;your&lt;/b&gt; words &amp; more" in reply.text


def test_what_was_sent_comes_back_as_text(forms: Pdp) -> None:
    nasty = '"><script>alert(1)</script>'
    reply = filled(forms, "plain_request", {"/requested_access/mail": nasty})
    assert reply.status_code == 400
    assert "<script" not in reply.text
    assert Elements(reply.text).named()["/requested_access/mail"][1]["value"] == nasty


def test_faults_stand_beside_their_fields(forms: Pdp) -> None:
    reply = filled(forms, "plain_request", {"/requested_access/reason": "no"})
    assert reply.status_code == 400
    reason = Elements(reply.text).named()["/requested_access/reason"][1]
    assert reason["aria-invalid"] == "true"
    assert "/requested_access/reason-fault" in str(reason["aria-describedby"])
    assert 'role="alert"' in reply.text


def test_a_filled_in_form_gives_the_members_of_a_submission(forms: Pdp) -> None:
    at = "/requested_access/"
    fields = GOOD | {
        at + "level": "3", at + "place/city": "Bern", at + "place/floor": "2",
        at + "mail": "a@example.com", at + "day": "2026-05-01", at + "tags": ['"a"', '"c"'],
        at + "notes": "one\r\ntwo\r\n", at + "anything": '{"x": [1]}', at + "share": "0.5",
        at + "requested_until": "2026-05-01T10:30", at + "unknown": "x",
    }  # fmt: skip
    reply = filled(forms, "plain_request", fields, "application/json")
    assert reply.json() == {
        "requested_access": {
            "reason": "the audit", "agreed": True, "level": 3,
            "place": {"city": "Bern", "floor": 2}, "mail": "a@example.com", "day": "2026-05-01",
            "tags": ["a", "c"], "notes": ["one", "two"], "anything": {"x": [1]}, "share": 0.5,
            "requested_until": "2026-05-01T10:30:00Z",
        }
    }  # fmt: skip
    assert "the audit" in filled(forms, "plain_request", GOOD).text


def test_programs_get_the_faults_as_a_problem(forms: Pdp) -> None:
    sent = {"/requested_access/share": "much"}
    reply = filled(forms, "plain_request", sent, "application/json")
    at = [each["pointer"] for each in reply.json()["errors"]]
    assert reply.status_code == 400
    assert sorted(at) == [
        "/requested_access/agreed", "/requested_access/reason", "/requested_access/share",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/x-www-form-urlencoded", b"\xff=%ff"),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 1001)),
    ],
)
def test_what_is_no_form_is_refused(forms: Pdp, kind: str, body: bytes) -> None:
    path = "/access/v1/forms/plain_request"
    reply = forms.call("POST", path, None, body, content_type=kind)
    problem(reply, 400, "invalid_request")


def test_the_page_speaks_the_readers_language(forms: Pdp) -> None:
    german = forms.call("GET", "/access/v1/forms/role_request", None, accept_language="de-CH, en")
    assert "<h1>Eine Rolle</h1>" in german.text
    assert "<h1>A role</h1>" in forms.call("GET", "/access/v1/forms/role_request", None).text


@pytest.mark.parametrize(
    "document",
    [
        {"type": 5},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"$ref": "https://example.com/schema.json"}}},
        {"properties": {"a": {"$ref": "#/$defs/missing"}}},
        {"properties": []},
    ],
    ids=str,
)
def test_what_is_no_usable_schema_is_no_form(document: JsonObject) -> None:
    with pytest.raises(ValueError):
        Form(document, "forms/x.json")


@pytest.mark.parametrize(
    "document",
    [
        {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "integer"}}},
        {"$id": "https://example.com/own", "properties": {"a": {"$ref": "#/$defs/A"}},
         "$defs": {"A": {"type": "integer"}}},
        {"properties": {"requested_access": {"properties": {"a": {"type": "integer"}}}}},
        {"patternProperties": {"^a$": {"type": "integer"}}},
    ],
    ids=["reference", "own id", "whole", "pattern"],
)  # fmt: skip
def test_references_stay_within_the_form(document: JsonObject) -> None:
    form = Form(document, "forms/x.json")
    assert form.faults({}, {"a": 1}) == []
    assert [fault.at for fault in form.faults({}, {"a": "x"})] == ["/requested_access/a"]


def test_a_pattern_takes_no_longer_for_a_nasty_text() -> None:
    form = Form({"properties": {"a": {"pattern": "^(a+)+$"}}}, "forms/x.json")
    assert form.faults({}, {"a": "a" * 5000 + "!"})


def test_the_number_of_faults_that_are_told_is_bounded() -> None:
    form = Form({"additionalProperties": {"type": "string"}}, "forms/x.json")
    assert len(form.faults({}, {str(number): number for number in range(100)})) == 20
