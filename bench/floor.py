"""The ceilings: a raw ASGI echo, and a bare handler that parses strictly and asks the engine."""

from typing import Any

import cedarpy
import jiter
import orjson
from cedarpy import _internal

from bench.workload import ENTITIES, POLICIES

_HEADERS = [(b"content-type", b"application/json")]
_POLICIES = cedarpy.PolicySet.from_str(POLICIES)
_ENTITIES = orjson.dumps(ENTITIES).decode()
_TYPES = {"user": "User", "document": "Document"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body that came."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    message = await receive()
    await _respond(send, message["body"])


async def floor(scope: Any, receive: Any, send: Any) -> None:
    """Parse the body, ask the engine with ready policies and four entities as text, answer."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    message = await receive()
    body = jiter.from_json(message["body"], allow_inf_nan=False, catch_duplicate_keys=True)
    subject, resource = body["subject"], body["resource"]
    answer = _internal.is_authorized_batch(
        [
            {
                "principal": f'{_TYPES[subject["type"]]}::"{subject["id"]}"',
                "action": f'Action::"{body["action"]["name"]}"',
                "resource": f'{_TYPES[resource["type"]]}::"{resource["id"]}"',
                "context": orjson.dumps(body["context"]).decode(),
            }
        ],
        _POLICIES,
        _ENTITIES,
        None,
        False,
    )[0]
    allowed = orjson.loads(answer)["decision"] == "Allow"
    await _respond(send, b'{"decision":true}' if allowed else b'{"decision":false}')


async def _respond(send: Any, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body)), *_HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
