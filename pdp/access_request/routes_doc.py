"""What the OpenAPI document says of `/access/v1/requests`."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from pdp.core.values import JsonObject
from pdp.ops.problem_doc import problem_responses

_TASK = "arq_2Q1Zk0WmYc7b9TtPZ4d8fA"
_STATUS_URL = f"https://pdp.example.com/access/v1/requests/{_TASK}"
_SUBJECT: JsonObject = {"type": "user", "id": "alice@example.com"}
_RESOURCE: JsonObject = {"type": "document", "id": "q4-plan"}
_DENIAL: JsonObject = {
    "evaluation_id": "eval_01JD9Q1S1N1V7B8Q3F5T7W9Y1Z",
    "expires_at": "2026-04-30T20:15:00Z",
    "binding_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6IksxIn0.eyJpc3MiOiJodHRwczovL3BkcCJ9.c2ln",
    "template": "manager_approval",
}
_PENDING: JsonObject = {
    "task": {
        "id": _TASK,
        "status": "pending",
        "status_endpoint": _STATUS_URL,
        "progress": {"current_step": 1, "total_steps": 1, "step_name": "manager"},
        "expires_at": "2026-05-03T20:05:00Z",
        "display": {"title": "Manager approval"},
        "links": {"cancel": f"{_STATUS_URL}/cancel"},
    }
}
_APPROVED: JsonObject = {
    "task": {
        "id": _TASK,
        "status": "approved",
        "status_endpoint": _STATUS_URL,
        "expires_at": "2026-05-03T20:05:00Z",
        "display": {"title": "Manager approval"},
    },
    "result": {
        "mode": "reevaluate",
        "approval": {
            "id": "apr_8mX1x0v0WlYvYkPZ4d8fA2Q1Zk0Wm",
            "approved_at": "2026-04-30T20:06:00Z",
            "approved_until": "2026-05-01T00:06:00Z",
        },
    },
}


_SUBMISSION: JsonObject = {
    "subject": _SUBJECT,
    "resource": _RESOURCE,
    "action": {"name": "read"},
    "context": {},
    "denial": _DENIAL,
    "requested_access": {
        "business_reason": "Preparing the board meeting",
        "requested_until": "2026-05-01T08:00:00Z",
    },
    "callback": {
        "endpoint": "https://app.example.com/callbacks/access",
        "state": "k3j4",
        "events": ["approved", "denied"],
    },
}


class SubmissionDoc(BaseModel):
    """A submission: `resource` and `action`, or `items` that each have both."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_SUBMISSION]})
    subject: dict[str, Any]
    resource: dict[str, Any] | None = None
    action: dict[str, Any] | None = None
    items: list[dict[str, Any]] | None = None
    context: dict[str, Any] | None = None
    requested_access: dict[str, Any] | None = None
    denial: dict[str, Any] | None = None
    callback: dict[str, Any] | None = None
    client: dict[str, Any] | None = None


class HandleDoc(BaseModel):
    """A Task Handle, and its result once it is approved."""

    model_config = ConfigDict(extra="allow")
    task: dict[str, Any]
    result: dict[str, Any] | None = None


def _handle(description: str, example: JsonObject) -> JsonObject:
    return {
        "description": description,
        "model": HandleDoc,
        "content": {"application/json": {"example": example}},
    }


def _body(schema: JsonObject, required: bool) -> JsonObject:
    return {"requestBody": {"required": required, "content": {"application/json": schema}}}


SUBMISSION = SubmissionDoc.model_json_schema()
SUBMITTED: dict[str, Any] = {
    "response_model": None,
    "responses": {
        201: _handle("Settled at once", _APPROVED),
        202: _handle("A request is open", _PENDING),
        **problem_responses(409, 410),
    },
    "openapi_extra": _body({"schema": SUBMISSION}, True),
}
STATUS: dict[str, Any] = {
    "response_model": None,
    "responses": {200: _handle("As it stands", _APPROVED), **problem_responses(404, 410)},
}
CANCELLED: dict[str, Any] = {
    "response_model": None,
    "responses": {
        200: _handle("Cancelled", {"task": _PENDING["task"] | {"status": "cancelled"}}),
        **problem_responses(404, 409, 410),
    },
    "openapi_extra": _body(
        {
            "schema": {
                "type": "object",
                "properties": {
                    "reason": {"type": "string", "maxLength": 200},
                    "comment": {"type": "string", "maxLength": 4000},
                },
            },
            "example": {"reason": "not_needed", "comment": "The meeting was moved."},
        },
        False,
    ),
}
