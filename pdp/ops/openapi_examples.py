"""Answers as examples of the OpenAPI document, for operations whose models bring none."""

from typing import Any

_BASE = "https://pdp.example.com"
_VERSION = "1f8e0c9a4b7d2e6f1f8e0c9a4b7d2e6f1f8e0c9a4b7d2e6f1f8e0c9a4b7d2e6f"
_NOON = "2026-11-23T12:00:00Z"
_ENTITY = {
    "uid": {"type": "User", "id": "alice@example.com"},
    "attrs": {"department": "sales"},
    "parents": [{"type": "Group", "id": "staff"}],
}

EXAMPLES: dict[str, Any] = {
    "GET /.well-known/authzen-configuration": {
        "policy_decision_point": _BASE,
        "access_evaluation_endpoint": f"{_BASE}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{_BASE}/access/v1/evaluations",
        "search_subject_endpoint": f"{_BASE}/access/v1/search/subject",
        "search_resource_endpoint": f"{_BASE}/access/v1/search/resource",
        "search_action_endpoint": f"{_BASE}/access/v1/search/action",
        "jwks_uri": f"{_BASE}/access/v1/jwks",
        "signed_metadata": "eyJhbGciOiJFUzI1NiIsImtpZCI6IksxIn0.e30.c2lnbmF0dXJl",
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
    },
}
