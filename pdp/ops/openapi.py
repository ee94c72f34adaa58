"""The OpenAPI document as FastAPI makes it, made true: credentials, real errors, examples."""

from typing import Any

from fastapi import FastAPI

from pdp.core.values import JsonObject
from pdp.ops.openapi_examples import EXAMPLES, REQUESTS

_OPEN = (
    *("/.well-known/", "/access/v1/jwks", "/access/v1/schemas/", "/access/v1/forms/"),
    *("/access/v1/answers", "/access/v1/interactions/"),
    *("/healthz", "/readyz", "/metrics"),
)
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A client key, or a JWT access token (RFC 9068) of a configured issuer.",
}
# FastAPI promises these for every body and parameter; here such faults are 400 problems.
_NEVER_GIVEN = "422"
_NEVER_USED = ("HTTPValidationError", "ValidationError")


class DocumentedApi(FastAPI):
    """A FastAPI application with a finished document."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = finished(super().openapi())
        return self.openapi_schema


def finished(document: JsonObject) -> JsonObject:
    """The document with credentials, without errors that are never given, with examples.

    Examples that routes bring along stay; the others come from `openapi_examples`.
    """
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"bearer": _BEARER}
    document["security"] = [{"bearer": []}]
    for name in _NEVER_USED:
        components.get("schemas", {}).pop(name, None)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            operation["responses"].pop(_NEVER_GIVEN, None)
            if path.startswith(_OPEN):
                operation.setdefault("security", [])
            _add_examples(operation, f"{method.upper()} {path}")
    return document


def _add_examples(operation: JsonObject, name: str) -> None:
    statuses = [status for status in operation["responses"] if status.startswith("2")]
    bodies = (
        (operation.get("requestBody", {}), REQUESTS),
        (operation["responses"][statuses[0]], EXAMPLES),
    )
    for body, examples in bodies:
        for media in body.get("content", {}).values():
            if name in examples:
                media.setdefault("example", examples[name])
