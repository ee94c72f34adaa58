"""What the OpenAPI document says of `/oauth/v1`."""

from typing import Any

from pdp.core.values import JsonObject
from pdp.deferral.metadata import oauth_metadata

_CODE = "LRGidcSAeVs_xYpEDt5pNx0A0TBr7qPHbh_Se6pfdf4"
_CLIENT: JsonObject = {"id": "agent-7", "public": False}
_DETAILS = [{"type": "customer_records", "identifier": "c-4815", "actions": ["read"]}]
_ALICE: JsonObject = {"type": "user", "id": "alice@example.com"}
_ASK: JsonObject = {
    "client": _CLIENT,
    "subject": _ALICE,
    "authorization_details": _DETAILS,
    "scope": "crm:read",
}
_PERMIT: JsonObject = {
    "outcome": "permit",
    "grant_type": "authorization_code",
    "subject": _ALICE,
    "authorization_details": _DETAILS,
    "scope": "crm:read",
    "approval": {
        "id": "apr_8mX1x0v0WlYvYkPZ4d8fA2Q1Zk0Wm",
        "approved_until": "2026-05-01T00:06:00Z",
    },
    "expires_in_max": 14400,
    "refresh_token_allowed": True,
}
_PENDING: JsonObject = {"error": "authorization_pending", "error_description": "step=manager"}
_AS_PROBLEMS = {
    401: ("The AS's own credential is not good", {"error": "invalid_client"}),
    403: ("The AS may not do that", {"error": "unauthorized_client"}),
    413: ("The body is too large", {"error": "invalid_request"}),
    429: ("The AS calls too often", {"error": "temporarily_unavailable"}),
    503: ("Not available at the moment", {"error": "temporarily_unavailable"}),
}


def _json(description: str, example: JsonObject) -> JsonObject:
    schema = {"type": "object", "additionalProperties": True}
    return {
        "description": description,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _documented(
    answer: JsonObject, error: JsonObject | None = None, body: JsonObject | None = None
) -> dict[str, Any]:
    responses: dict[int | str, dict[str, Any]] = {200: _json("The answer", answer)}
    if error is not None:
        responses[400] = _json("What the client is to be answered", error)
    for status, (description, example) in _AS_PROBLEMS.items():
        if body is not None or status != 413:
            responses[status] = _json(description, example)
    found: dict[str, Any] = {"response_model": None, "responses": responses}
    if body is not None:
        content = {"schema": {"type": "object"}, "example": body}
        found["openapi_extra"] = {
            "requestBody": {"required": True, "content": {"application/json": content}}
        }
    return found


TOKEN_REQUEST = _documented(
    _PERMIT,
    {
        "error": "authorization_pending",
        "deferral_code": _CODE,
        "expires_in": 10800,
        "interval": 5,
    },
    _ASK | {"grant_type": "authorization_code", "completion_mode": "deferred"},
)
POLL = _documented(_PERMIT, _PENDING, {"deferral_code": _CODE, "client": _CLIENT})
REVOKE = _documented(
    {},
    {"error": "invalid_request"},
    {
        "token": _CODE,
        "token_type_hint": "urn:ietf:params:oauth:token-type:deferral-code",
        "client": _CLIENT,
    },
)
BACKCHANNEL = _documented(
    {"auth_req_id": _CODE, "expires_in": 300, "interval": 5},
    {"error": "invalid_binding_message"},
    _ASK
    | {
        "scope": "openid crm:read",
        "binding_message": "W4SCT",
        "requested_expiry": 300,
        "delivery_mode": "poll",
    },
)
CIBA_POLL = _documented(_PERMIT, _PENDING, {"auth_req_id": _CODE, "client": _CLIENT})
TRANSACTION = _documented(
    {"transaction_authorization_id": _CODE, "expires_in": 300, "interval": 5},
    {"error": "invalid_request", "error_description": "`transaction_challenge` was used before"},
    {
        "client": _CLIENT,
        "subject": _ALICE,
        "transaction_challenge": "eyJ0eXAiOiJ0eG4tYXV0aHotY2hhbGxlbmdlK2p3dCJ9.e30.c2ln",
    },
)
TXN_POLL = _documented(
    _PERMIT | {"txn": "txn-4711"},
    _PENDING,
    {"transaction_authorization_id": _CODE, "client": _CLIENT},
)
METADATA = _documented(oauth_metadata())
