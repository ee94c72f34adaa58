"""What the OpenAPI document says of the queue."""

from typing import Any

from pdp.core.values import JsonObject
from pdp.ops.problem_doc import problem_responses

TASK_ID = "arq_2Q1Zk0WmYc7b9TtPZ4d8fA"
CURSOR = "WzE3Nzc1Nzk1MDAwMDAwMDAsICJhcnFfMVEiXQ"
PERSON: JsonObject = {"type": "user", "id": "bob@example.com"}
LINE: JsonObject = {
    "id": TASK_ID,
    "status": "pending",
    "template": "manager_approval",
    "transport": "arap",
    "subject": {"type": "user", "id": "alice@example.com"},
    "resource": {"type": "document", "id": "plan-2027"},
    "action": {"name": "read"},
    "client": "as-1",
    "requester": "as-1",
    "justification": "Preparing the board meeting",
    "emergency": False,
    "step": "manager",
    "queues": ["managers"],
    "version": 1,
    "created_at": "2026-04-30T20:05:00Z",
    "updated_at": "2026-04-30T20:05:00Z",
    "expires_at": "2026-05-03T20:05:00Z",
}
TASK: JsonObject = {
    "task": LINE | {"items": [], "votes": [], "comments": [], "approvers": [PERSON]}
}
DECISION: JsonObject = {
    "decision": "approve",
    "approver": PERSON,
    "comment": "For the meeting only",
    "approved_until": "2026-04-30T23:00:00Z",
}
APPROVAL: JsonObject = {
    "ref": "apv_9Jx1x0v0WlYv",
    "task": TASK_ID,
    "template": "manager_approval",
    "subject": {"type": "user", "id": "alice@example.com"},
    "resource": {"type": "document", "id": "plan-2027"},
    "action": {"name": "read"},
    "scope": {"kind": "exact"},
    "approved_at": "2026-04-30T20:06:00Z",
    "approved_until": "2026-05-01T00:06:00Z",
    "live": True,
}


def documented(
    answer: JsonObject | None,
    *problems: int,
    body: JsonObject | None = None,
    required: bool = True,
    status: int = 200,
) -> dict[str, Any]:
    """How a route is described: an example of its answer and of its body, and its problems."""
    described: JsonObject = {"description": "Done" if answer is None else "As it is now"}
    if answer is not None:
        described["content"] = {"application/json": {"example": answer}}
    found: dict[str, Any] = {
        "response_model": None,
        "status_code": status,
        "responses": {status: described, **problem_responses(*problems)},
    }
    if body is not None:
        content = {"schema": {"type": "object"}, "example": body}
        found["openapi_extra"] = {
            "requestBody": {"required": required, "content": {"application/json": content}}
        }
    return found
