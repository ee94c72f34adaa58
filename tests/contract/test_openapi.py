"""The OpenAPI document: true, complete, and with examples that work."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from pdp.app import openapi_document
from tests.conformance.worlds import Pep, World, in_process
from tests.server import Server, running

ADMIN = {"Authorization": "Bearer demo-admin-key"}
# What is well-formed may still be refused: a page token that was not given out, an unknown task.
# What is not may be taken: whatever stands in a query is text, and a batch answers item by item.
ITEMWISE = ("/access/v1/evaluations",)
OPEN_PATHS = (
    *("/.well-known/", "/access/v1/jwks", "/access/v1/schemas/", "/access/v1/forms/"),
    *("/access/v1/answers", "/access/v1/interactions/"),
    *("/healthz", "/readyz", "/metrics"),
)


class Operation(NamedTuple):
    """One operation of the document."""

    name: str
    method: str
    path: str
    object: dict[str, Any]


DOCUMENT = openapi_document()
OPERATIONS = [
    Operation(f"{method.upper()} {path}", method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
each_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS]
)


def media_of(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON bodies of an operation: that of the request, and those of its successes."""
    request = operation.object.get("requestBody", {}).get("content", {})
    if "application/json" in request:
        yield "request", request["application/json"]
    for status, response in operation.object["responses"].items():
        content = response.get("content", {})
        if status.startswith("2") and "application/json" in content:
            yield status, content["application/json"]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that can look up the document's components."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema} | {
        "components": DOCUMENT["components"]
    }


def examples_of(media: dict[str, Any]) -> list[Any]:
    """The examples of a body, from the body itself and from its schema."""
    schema = media.get("schema", {})
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    named = [each["value"] for each in media.get("examples", {}).values()]
    single = [media["example"]] if "example" in media else []
    return [*single, *named, *schema.get("examples", [])]


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["info"]["title"]
    assert len(OPERATIONS) > 10


def test_operation_ids_are_unique() -> None:
    ids = [operation.object["operationId"] for operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


@each_operation
def test_every_operation_has_a_summary_and_an_example(operation: Operation) -> None:
    assert operation.object["summary"]
    without = [name for name, media in media_of(operation) if not examples_of(media)]
    assert without == []


@each_operation
def test_every_example_fits_its_schema(operation: Operation) -> None:
    for _, media in media_of(operation):
        validator = jsonschema_rs.validator_for(
            resolved(media.get("schema", {})),
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
        for example in examples_of(media):
            validator.validate(example)


@each_operation
def test_what_needs_a_credential_says_so(operation: Operation) -> None:
    security = operation.object.get("security", DOCUMENT.get("security"))
    if operation.path.startswith(OPEN_PATHS):
        assert not security
    else:
        assert security
        assert {"401", "403"} <= operation.object["responses"].keys()
        schemes = DOCUMENT["components"]["securitySchemes"]
        assert all(name in schemes for each in security for name in each)


@each_operation
def test_no_answer_is_promised_that_is_never_given(operation: Operation) -> None:
    assert "422" not in operation.object["responses"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server."""
    world = World("certification")
    folder = tmp_path_factory.mktemp("openapi")
    with running(folder, policies=world.policies, schemas=world.schemas) as found:
        yield found


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
GENERATED = [operation for operation in OPERATIONS if not operation.path.endswith("/events")]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", [each.value for each in GenerationMode])
@pytest.mark.parametrize("operation", GENERATED, ids=[operation.name for operation in GENERATED])
def test_generated_calls_are_answered_as_the_document_says(
    server: Server, operation: Operation, mode: str
) -> None:
    documented = SCHEMA[operation.path][operation.method]
    ignored = [positive_data_acceptance]
    if operation.method != "post" or operation.path in ITEMWISE:
        ignored.append(negative_data_rejection)

    @given(case=documented.as_strategy(generation_mode=GenerationMode(mode)))
    @settings(
        max_examples=50,
        deadline=None,
        derandomize=True,  # A call that fails once fails always, here and on every machine.
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=server.url, headers=ADMIN, excluded_checks=ignored)

    try:
        check()
    except Unsatisfiable:
        assert mode == "negative"  # Whatever is sent fits: there is nothing to get wrong.


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pep]:
    """An administrator of a server in this process."""
    with in_process(World("certification"), tmp_path_factory.mktemp("admin")) as pep:
        yield pep.with_key("demo-admin-key")


READABLE = [each for each in GENERATED if each.method == "get" and "{" not in each.path]


@pytest.mark.parametrize("operation", READABLE, ids=[each.name for each in READABLE])
def test_an_example_has_the_members_of_a_real_answer(admin: Pep, operation: Operation) -> None:
    needed = {"/admin/v1/entities": "?type=User"}
    reply = admin.get(operation.path + needed.get(operation.path, ""))
    for status, media in media_of(operation):
        for example in examples_of(media):
            if reply.status == int(status):
                assert reply.body.keys() == example.keys()
