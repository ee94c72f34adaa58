"""Every error that leaves on the wire: one exception a family, one rendering each.

Problem      application/problem+json (RFC 9457): the AuthZEN, ARAP, queue and admin APIs
OAuthFault   OAuth error object (RFC 6749, section 5.2): the OAuth API
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

ARAP_PROBLEM = "urn:openid:authzen:access-request:error:"
PDP_PROBLEM = "urn:authzen-pdp:error:"


class Kind(NamedTuple):
    """A row of the problem table: its type URI, HTTP status and title."""

    type: str
    status: int
    title: str


def _own(name: str, status: int, title: str) -> Kind:
    return Kind(PDP_PROBLEM + name, status, title)


def _arap(name: str, status: int, title: str) -> Kind:
    return Kind(ARAP_PROBLEM + name, status, title)


INVALID_JSON = _own("invalid_json", 400, "The body is not strict JSON")
INVALID_REQUEST = _own("invalid_request", 400, "The request is not of the right shape")
UNSUPPORTED_CONTENT = _own("unsupported_content_type", 400, "The body must be application/json")
INVALID_PAGE_TOKEN = _own("invalid_page_token", 400, "The page token does not fit this request")
UNSUPPORTED = _own("unsupported", 400, "This server has that feature switched off")
UNAUTHENTICATED = _own("unauthenticated", 401, "A valid credential is needed")
FORBIDDEN = _own("forbidden", 403, "This caller may not do that")
NOT_FOUND = _own("not_found", 404, "There is nothing here")
METHOD_NOT_ALLOWED = _own("method_not_allowed", 405, "This method is not allowed here")
CONFLICT = _own("conflict", 409, "The state does not allow that")
PRECONDITION_FAILED = _own("precondition_failed", 412, "The resource has changed")
TOO_LARGE = _own("too_large", 413, "The request is over a limit")
TOO_MANY_REQUESTS = _own("too_many_requests", 429, "Too many requests")
INTERNAL = _own("internal", 500, "Something went wrong here")
UNAVAILABLE = _own("unavailable", 503, "Not available at the moment")

NOT_REQUESTABLE = _arap("not_requestable", 400, "The denial cannot be requested")
EXPIRED_DENIAL = _arap("expired_denial", 410, "The denial has expired")
INVALID_DENIAL_BINDING = _arap(
    "invalid_denial_binding", 400, "The denial does not fit the submission"
)
DUPLICATE_REQUEST = _arap("duplicate_request", 409, "The key was used with another request")
UNKNOWN_TASK = _arap("unknown_task", 404, "There is no such task")
TASK_EXPIRED = _arap("task_expired", 410, "The task has expired")
INVALID_TASK_STATE = _arap("invalid_task_state", 409, "The task's state does not allow that")


class Problem(Exception):
    """An error answered as a problem document (RFC 9457).

    Args:
        kind: its row in the table above.
        detail: what went wrong with this very request; safe to show to its caller.
        errors: the single faults, each `{"pointer": JSON Pointer, "detail": text}`.
        headers: further response headers, such as `Retry-After`.
        extra: further members of the document.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.kind.status

    def document(self) -> dict[str, Any]:
        """The problem document's members."""
        body: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
        }
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = [dict(error) for error in self.errors]
        return body | self.extra


class OAuthFault(Exception):
    """An error answered as an OAuth error object (RFC 6749, section 5.2)."""

    def __init__(
        self,
        error: str,
        description: str = "",
        *,
        status: int = 400,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description or error)
        self.error = error
        self.description = description
        self.status = status
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The error object's members."""
        body: dict[str, Any] = {"error": self.error}
        if self.description:
            body["error_description"] = self.description
        return body | self.extra
