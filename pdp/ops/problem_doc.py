"""Problem documents as the OpenAPI document shows them."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from pdp.errors import (
    FORBIDDEN,
    INVALID_REQUEST,
    TOO_LARGE,
    TOO_MANY_REQUESTS,
    UNAUTHENTICATED,
    UNAVAILABLE,
)


class FaultDoc(BaseModel):
    """One fault within a request."""

    pointer: str
    detail: str


class ProblemDoc(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": INVALID_REQUEST.type,
                    "title": INVALID_REQUEST.title,
                    "status": 400,
                    "detail": "`/subject/id` is required",
                    "errors": [{"pointer": "/subject/id", "detail": "is required"}],
                }
            ]
        },
    )
    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[FaultDoc] | None = None


def problem_responses(*further: int) -> dict[int | str, dict[str, Any]]:
    """The error responses that an authenticated JSON operation can give, for OpenAPI."""
    titles = {
        400: INVALID_REQUEST.title,
        401: UNAUTHENTICATED.title,
        403: FORBIDDEN.title,
        413: TOO_LARGE.title,
        429: TOO_MANY_REQUESTS.title,
        503: UNAVAILABLE.title,
    } | dict.fromkeys(further, "The request cannot be fulfilled")
    schema = {"$ref": "#/components/schemas/ProblemDoc"}
    return {
        status: {"description": title, "content": {"application/problem+json": {"schema": schema}}}
        for status, title in titles.items()
    }
