"""Answers as examples of the OpenAPI document, for operations whose models bring none."""

from typing import Any

_BASE = "https://pdp.example.com"
_VERSION = "1f8e0c9a4b7d2e6f1f8e0c9a4b7d2e6f1f8e0c9a4b7d2e6f1f8e0c9a4b7d2e6f"
_NOON = "2026-11-23T12:00:00Z"
_HASH = "914f42f1281d4553a126430a0b5d3fd24b88c52c2b671feb6ca44da461c167d2"
_TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6IksxIn0.e30.c2lnbmF0dXJl"
_ENTITY = {
    "uid": {"type": "User", "id": "alice@example.com"},
    "attrs": {"department": "sales"},
    "parents": [{"type": "Group", "id": "staff"}],
}

_VERDICT = {
    "whole": True,
    "events": 1,
    "head_hash": _HASH,
    "fault": None,
    "fault_seq": None,
    "unverifiable_heads": 0,
}
_HEAD = {"seq": 1, "hash": _HASH, "at": _NOON, "signature": _TOKEN}
_JOB = {
    "seq": 7,
    "kind": "callback",
    "task_id": "arq_01jd9q8m5y3k7w2x4z6b8c0d1e",
    "created_at": _NOON,
    "run_at": _NOON,
    "ready_at": None,
    "attempts": 8,
    "last_error": "the host did not answer",
    "done_at": None,
    "dead_at": _NOON,
}
_DECISION = {
    "evaluation_id": "dec_38485033f0f3797bc118e552",
    "at": _NOON,
    "decision": True,
    "subject_type": "user",
    "subject_id": "alice@example.com",
    "action": "read",
    "resource_type": "folder",
    "resource_id": "plans",
    "policy_version": _VERSION,
    "caller": "as-1",
    "request_id": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716",
    "detail": {"policies": ["staff-read-plans"], "entity_version": "1"},
}
_EVENT = {
    "seq": 1,
    "at": _NOON,
    "event": "request.approved",
    "task_id": "arq_01jd9q8m5y3k7w2x4z6b8c0d1e",
    "actor_type": "User",
    "actor_id": "bob@example.com",
    "actor": None,
    "origin": None,
    "details": {"step": "manager"},
    "prev_hash": "0" * 64,
    "hash": _HASH,
}

REQUESTS: dict[str, Any] = {"POST /admin/v1/audit/verify": _HEAD}
"""Bodies of requests, by operation."""

EXAMPLES: dict[str, Any] = {
    "GET /.well-known/authzen-configuration": {
        "policy_decision_point": _BASE,
        "access_evaluation_endpoint": f"{_BASE}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{_BASE}/access/v1/evaluations",
        "search_subject_endpoint": f"{_BASE}/access/v1/search/subject",
        "search_resource_endpoint": f"{_BASE}/access/v1/search/resource",
        "search_action_endpoint": f"{_BASE}/access/v1/search/action",
        "jwks_uri": f"{_BASE}/access/v1/jwks",
        "access_request_endpoint": f"{_BASE}/access/v1/requests",
        "capabilities": ["urn:openid:authzen:capability:access-request"],
        "signed_metadata": _TOKEN,
    },
    "GET /access/v1/jwks": {
        "keys": [
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                "kid": "K1",
                "use": "sig",
                "alg": "ES256",
            }
        ]
    },
    "GET /healthz": {"status": "ok"},
    "GET /readyz": {"status": "ready", "parts": {"database": "ok"}, "policy_version": _VERSION},
    "GET /metrics": 'pdp_decisions_total{outcome="permit"} 42.0\n',
    "GET /admin/v1/entities": {"items": [_ENTITY], "next_cursor": None},
    "GET /admin/v1/entities/{kind}/{identifier}": _ENTITY,
    "GET /admin/v1/policies": {
        "version": _VERSION,
        "loaded_at": _NOON,
        "count": 1,
        "policies": [
            {
                "id": "plans-with-approval",
                "effect": "permit",
                "file": "documents.cedar",
                "line": 3,
                "template": "manager_approval",
            }
        ],
        "findings": [],
        "last_fault": None,
        "loads": [
            {
                "replica": "pdp-1:17",
                "version": _VERSION,
                "loaded_at": _NOON,
                "folder": "/etc/pdp/policies",
            }
        ],
    },
    "POST /admin/v1/policies/reload": {"version": _VERSION, "last_fault": None},
    "GET /admin/v1/decisions": {"items": [_DECISION], "next_cursor": None},
    "GET /admin/v1/audit": {"items": [_EVENT], "next_before": None},
    "GET /admin/v1/audit/head": _HEAD,
    "GET /admin/v1/audit/verify": _VERDICT,
    "POST /admin/v1/audit/verify": _VERDICT,
    "GET /admin/v1/outbox": {"items": [_JOB], "next_after": None},
    "POST /admin/v1/outbox/{seq}/replay": _JOB | {"ready_at": _NOON, "dead_at": None},
    "PUT /admin/v1/entities": {"count": 2, "version": 41},
    "DELETE /admin/v1/entities": {"count": 2},
    "PUT /admin/v1/entities/{kind}/{identifier}": _ENTITY,
}
"""Successful answers, by operation."""
