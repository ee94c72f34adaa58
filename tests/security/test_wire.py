"""What arrives over the wire and is not what it ought to be: refused clearly, never believed."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conformance.worlds import World
from tests.security.raw_http import RawReply, exchange, head_of
from tests.server import PEP_KEY, Server, running

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SEARCH = "/access/v1/search/subject"
ASKED: dict[str, Any] = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "record-1"},
}
PLAIN = json.dumps(ASKED).encode()
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with the certification world."""
    world = World("certification")
    folder = tmp_path_factory.mktemp("wire")
    with running(folder, policies=world.policies, schemas=world.schemas) as found:
        yield found
        assert found.process.poll() is None, "the server died"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """A client with the key of a PEP."""
    with server.client() as found:
        yield found


def post(client: httpx.Client, content: bytes, path: str = EVALUATION) -> httpx.Response:
    """A POST of bytes that claim to be JSON."""
    return client.post(path, content=content, headers={"content-type": "application/json"})


def with_context(text: bytes) -> bytes:
    """The usual request with `context` as it is written here."""
    return PLAIN[:-1] + b', "context": ' + text + b"}"


FAULTS: dict[str, tuple[bytes, str]] = {
    "member twice": (
        PLAIN[:-1] + b', "subject": {"type": "user", "id": "bob"}}',
        "duplicate_member",
    ),
    "member twice, escaped": (PLAIN[:-1] + rb', "\u0073ubject": {}}', "duplicate_member"),
    "member twice, inside": (with_context(b'{"a": 1, "a": 1}'), "duplicate_member"),
    "member twice, deep": (with_context(b'[{"b": {"a": 1, "a": 2}}]'), "duplicate_member"),
    "NaN": (with_context(b'{"n": NaN}'), "syntax"),
    "Infinity": (with_context(b'{"n": Infinity}'), "syntax"),
    "minus Infinity": (with_context(b'{"n": -Infinity}'), "syntax"),
    "1e400": (with_context(b'{"n": 1e400}'), "number"),
    "minus 1e400": (with_context(b'{"n": [-1.5E+400]}'), "number"),
    "long and out of range": (with_context(b'{"n": ' + b"9" * 400 + b".0}"), "number"),
    "lone high surrogate": (with_context(rb'{"s": "\ud800"}'), "encoding"),
    "lone low surrogate": (with_context(rb'{"s": "\udc00x"}'), "encoding"),
    "surrogates turned round": (with_context(rb'{"s": "\udc00\ud800"}'), "encoding"),
    "lone surrogate in a name": (with_context(rb'{"\ud800": 1}'), "encoding"),
    "invalid UTF-8": (with_context(b'{"s": "\xff"}'), "encoding"),
    "overlong UTF-8": (with_context(b'{"s": "\xc0\xaf"}'), "encoding"),
    "surrogate in UTF-8": (with_context(b'{"s": "\xed\xa0\x80"}'), "encoding"),
    "cut UTF-8": (with_context(b'{"s": "\xe2\x82"}'), "encoding"),
    "latin-1": (with_context('{"s": "é"}'.encode("latin-1")), "encoding"),
    "BOM": (b"\xef\xbb\xbf" + PLAIN, "syntax"),
    "UTF-16": (PLAIN.decode().encode("utf-16"), "syntax"),
    "UTF-32": (PLAIN.decode().encode("utf-32-le"), "syntax"),
    "65 levels": (with_context(b"[" * 64 + b"]" * 64), "depth"),
    "65 levels of objects": (with_context(b'{"a":' * 64 + b"1" + b"}" * 64), "depth"),
    "150 levels": (with_context(b"[" * 150 + b"]" * 150), "depth"),
    "100,000 open arrays": (b"[" * 100_000, "depth"),
    "100,000 open objects": (b'{"a":' * 100_000, "depth"),
    "nothing": (b"", "empty"),
    "only white space": (b" \t\r\n", "empty"),
    "cut": (PLAIN[:-2], "syntax"),
    "two values": (PLAIN + PLAIN, "syntax"),
    "something after it": (PLAIN + b"x", "syntax"),
    "NUL after it": (PLAIN + b"\0", "syntax"),
    "comment": (b"/* hello */" + PLAIN, "syntax"),
    "trailing comma": (PLAIN[:-1] + b",}", "syntax"),
    "single quotes": (PLAIN.replace(b'"', b"'"), "syntax"),
    "control character in a string": (with_context(b'{"s": "a\nb"}'), "syntax"),
    "leading zero": (with_context(b'{"n": 01}'), "syntax"),
    "plus sign": (with_context(b'{"n": +1}'), "syntax"),
    "no digit before the point": (with_context(b'{"n": .5}'), "syntax"),
    "hexadecimal": (with_context(b'{"n": 0x1}'), "syntax"),
    "unknown escape": (with_context(rb'{"s": "\x41"}'), "syntax"),
}


@pytest.mark.requirement("AZ-008")
@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SEARCH])
@pytest.mark.parametrize("name", FAULTS)
def test_a_body_that_is_not_strict_json_is_refused(
    client: httpx.Client, path: str, name: str
) -> None:
    content, fault = FAULTS[name]
    answer = post(client, content, path)
    assert answer.status_code == 400
    body = answer.json()
    assert body["type"].endswith(":invalid_json")
    # Which of two faults of one string is named depends on the parser; both are clear.
    assert body["fault"] in {fault, "encoding" if fault == "syntax" else fault}


@pytest.mark.requirement("AZ-005")
@pytest.mark.parametrize("content", [b"null", b"[]", b'"x"', b"1", b"true", b"[" + PLAIN + b"]"])
def test_a_body_that_is_no_object_is_refused(client: httpx.Client, content: bytes) -> None:
    answer = post(client, content)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "the body must be a JSON object"


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":' * 62 + b"{}" + b"}" * 62,
        b'{"s": "\\ud83d\\ude00 \xf0\x9f\x98\x80"}',
        b'{"s": "\\u0000"}',
        b'{"n": 1e308, "m": -0.0, "k": 1E-400}',
        b'{"": {"": ""}}',
        b'{"a": 1, "A": 2, "\\u00e9": 3, "e\\u0301": 4}',
    ],
)
def test_unusual_but_good_json_is_taken(client: httpx.Client, text: bytes) -> None:
    answer = post(client, with_context(text))
    assert (answer.status_code, answer.json()) == (200, {"decision": True})


def padded(size: int) -> bytes:
    """The usual request, as long as wanted."""
    return PLAIN[:-1] + b" " * (size - len(PLAIN)) + b"}"


@pytest.mark.requirement("AZ-009")
def test_the_largest_body_is_taken_and_one_byte_more_is_refused(client: httpx.Client) -> None:
    assert post(client, padded(MIB)).json() == {"decision": True}
    answer = post(client, padded(MIB + 1))
    assert answer.status_code == 413
    assert (answer.json()["limit"], answer.json()["unit"]) == (MIB, "bytes")
    assert post(client, PLAIN).status_code == 200


@pytest.mark.requirement("AZ-009")
def test_a_chunked_body_without_a_length_is_counted_while_it_arrives(client: httpx.Client) -> None:
    def chunks(count: int) -> Iterator[bytes]:
        yield PLAIN[:-1]
        for _ in range(count):
            yield b" " * 65536
        yield b"}"

    headers = {"content-type": "application/json"}
    assert client.post(EVALUATION, content=chunks(3), headers=headers).status_code == 200
    assert client.post(EVALUATION, content=chunks(17), headers=headers).status_code == 413
    assert post(client, PLAIN).status_code == 200


@pytest.mark.requirement("AZ-009")
def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(server: Server) -> None:
    headers = [b"Content-Type: application/json", b"Content-Length: 999999999999"]
    assert exchange(server.url, head_of(EVALUATION, headers)).status == 413


@pytest.mark.requirement("AZ-009")
def test_an_endless_body_is_cut_off(server: Server) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    headers = [b"Content-Type: application/json", b"Transfer-Encoding: chunked"]
    reply = exchange(server.url, [head_of(EVALUATION, headers), *([chunk] * 400)])
    assert reply.status in (413, 0)


@pytest.mark.requirement("AZ-005")
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/json",
        "text/plain",
        "application/jsonp",
        "application/json-patch+json",
        "application/ld+json",
        "application/json, text/plain",
        "multipart/form-data; boundary=application/json",
        "application/x-www-form-urlencoded",
        "*/*",
    ],
)
def test_another_content_type_is_refused(client: httpx.Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = client.post(EVALUATION, content=PLAIN, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith(":unsupported_content_type")


@pytest.mark.parametrize(
    "method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "X"]
)
@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SEARCH])
def test_another_method_is_not_allowed(server: Server, path: str, method: str) -> None:
    headers = [b"Content-Type: application/json", b"Content-Length: 0", b"X-Request-ID: r-1"]
    reply = exchange(server.url, head_of(path, headers, method), bodiless=method == "HEAD")
    if method == "X":
        assert reply.status in (400, 405)
    else:
        assert reply.status == 405
        assert reply.header(b"allow") == [b"POST"]
        assert reply.header(b"x-request-id") == [b"r-1"]


@pytest.mark.parametrize(
    "path",
    [
        "/access/v1/evaluation/",
        "//access/v1/evaluation",
        "/access//v1/evaluation",
        "/access/v1/./evaluation",
        "/access/v1/x/../evaluation",
        "/access/v1/evaluation%2f",
        "/access/v1/evaluation%00",
        "/access/v1/%65valuation",
        "/ACCESS/V1/EVALUATION",
        "/access/v1/evaluation;a=b",
        "http://other.example/access/v1/evaluation",
    ],
)
def test_no_spelling_of_a_path_gets_round_the_credential(server: Server, path: str) -> None:
    headers = [b"Content-Type: application/json", b"Content-Length: %d" % len(PLAIN)]
    reply = exchange(server.url, head_of(path, headers, key=None) + PLAIN)
    assert reply.status in (400, 401, 404, 405), reply
    assert b"decision" not in reply.body


def asked_with_id(server: Server, header: bytes) -> RawReply:
    """The usual request with a header written by hand."""
    headers = [
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(PLAIN),
        header,
    ]
    return exchange(server.url, head_of(EVALUATION, headers) + PLAIN)


@pytest.mark.requirement("AZ-007")
@pytest.mark.parametrize(
    "given",
    [b"1", b"a b\tc", b"\xe9\xff", b"<script>\"';--", b"%0d%0aSet-Cookie: a=b", b"x" * 8000],
    ids=["one digit", "blanks", "not ASCII", "markup", "escaped line end", "8,000 bytes"],
)
def test_a_request_id_comes_back_byte_by_byte(server: Server, given: bytes) -> None:
    reply = asked_with_id(server, b"X-Request-ID: " + given)
    assert reply.status == 200
    assert reply.header(b"x-request-id") == [given]
    assert reply.header(b"set-cookie") == []


@pytest.mark.requirement("AZ-007")
@pytest.mark.parametrize(
    "end", [b"\r\n ", b"\r\n\t", b"\n", b"\r", b"\0", b"\x0b", b"\x0c"], ids=repr
)
def test_a_request_id_cannot_smuggle_a_header_into_the_answer(server: Server, end: bytes) -> None:
    reply = asked_with_id(server, b"X-Request-ID: a" + end + b"Set-Cookie: stolen=1")
    assert reply.status in (200, 400, 0)
    assert reply.header(b"set-cookie") == []
    assert all(b"\n" not in value and b"\r" not in value for value in reply.header(b"x-request-id"))


@pytest.mark.requirement("AZ-009")
@pytest.mark.parametrize("name", [b"X-Request-ID", b"X-Other", b"Authorization"])
def test_a_header_of_megabytes_is_not_taken(server: Server, name: bytes) -> None:
    reply = asked_with_id(server, name + b": " + b"x" * (4 * MIB))
    assert reply.status in (401, 431, 0)
    assert len(reply.head) < MIB
    assert asked_with_id(server, b"X-Request-ID: after").status == 200


@pytest.mark.requirement("AZ-009")
@pytest.mark.parametrize("ends", [True, False])
def test_a_head_of_thousands_of_lines_is_not_taken(server: Server, ends: bool) -> None:
    headers = [b"Content-Type: application/json", b"Content-Length: %d" % len(PLAIN)]
    start = head_of(EVALUATION, headers)[:-2]
    lines = [b"X-%d: " % index + b"y" * 1000 + b"\r\n" for index in range(5_000)]
    rest = b"\r\n" + PLAIN if ends else b""
    reply = exchange(server.url, [start, *lines, rest])
    assert reply.status in (431, 0)
    assert asked_with_id(server, b"X-Request-ID: after").status == 200


@pytest.mark.parametrize(
    "framing",
    [
        [b"Content-Length: 4", b"Transfer-Encoding: chunked"],
        [b"Content-Length: 4", b"Content-Length: 5"],
        [b"Content-Length: +4"],
        [b"Content-Length: 4, 5"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
        [b"Content-Length : 4"],
    ],
    ids=repr,
)
def test_ambiguous_framing_is_refused_and_nothing_is_read_as_a_second_request(
    server: Server, framing: list[bytes]
) -> None:
    hidden = head_of(EVALUATION, [b"Content-Length: 0"])
    headers = [b"Content-Type: application/json", *framing]
    reply = exchange(server.url, head_of(EVALUATION, headers) + b"0\r\n\r\n" + hidden)
    assert reply.status in (400, 501, 0)


@pytest.mark.parametrize("first", [PEP_KEY, "wrong"])
def test_two_credentials_are_none(server: Server, first: str) -> None:
    headers = [
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(PLAIN),
        b"Authorization: Bearer " + (PEP_KEY if first == "wrong" else "wrong").encode(),
    ]
    reply = exchange(server.url, head_of(EVALUATION, headers, key=first) + PLAIN)
    assert reply.status == 401


HOSTILE = [
    'alice" in Group::"staff',
    'alice"; permit(principal, action, resource); //',
    "alice\\",
    "alice\0",
    "alice\n",
    " alice",
    "Alice",
    "ａlice",
    "../alice",
    "\u202ealice",
    "alice" * 20_000,
    "",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:30]))
@pytest.mark.parametrize("member", ["subject", "resource", "action"])
def test_a_hostile_name_is_nothing_but_another_name(
    client: httpx.Client, member: str, text: str
) -> None:
    key = "name" if member == "action" else "id"
    body = ASKED | {member: ASKED[member] | {key: text}}
    answer = client.post(EVALUATION, json=body)
    assert (answer.status_code, answer.json()) == (200, {"decision": False})


TYPES = [
    "",
    "::",
    "User::",
    "::User",
    'User::"alice"',
    "User::alice",
    "__cedar::String",
    "__entity",
    "Action",
    "group",
    "in",
    "user\0",
    "us er",
    "ünïcode",
    "User" * 10_000,
    "a::" * 1000 + "b",
]


@pytest.mark.requirement("AZ-004")
@pytest.mark.parametrize("kind", TYPES, ids=lambda text: repr(text[:20]))
def test_a_strange_type_is_denied_and_finds_nothing(client: httpx.Client, kind: str) -> None:
    for member in ("subject", "resource"):
        body = ASKED | {member: {"type": kind, "id": "alice"}}
        answer = client.post(EVALUATION, json=body)
        assert (answer.status_code, answer.json()) == (200, {"decision": False})
        for search in ("subject", "resource", "action"):
            answer = client.post(f"/access/v1/search/{search}", json=body)
            assert answer.status_code == 200
            if search != member:
                assert answer.json()["results"] == []


def test_a_subject_search_for_a_strange_type_finds_no_one(client: httpx.Client) -> None:
    for kind in TYPES:
        answer = client.post(SEARCH, json=ASKED | {"subject": {"type": kind}})
        assert (answer.status_code, answer.json()["results"]) == (200, []), kind


def test_thousands_of_properties_are_taken(client: httpx.Client) -> None:
    many = {f"p{index}": index for index in range(20_000)}
    body = ASKED | {"subject": ASKED["subject"] | {"properties": many}}
    assert client.post(EVALUATION, json=body).json() == {"decision": True}


def test_colliding_member_names_are_no_attack(client: httpx.Client) -> None:
    body = ASKED | {"context": {"a" * 500 + str(index): [] for index in range(1500)}}
    assert client.post(EVALUATION, json=body).json() == {"decision": True}
