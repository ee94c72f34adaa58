"""What becomes of an exception behind the framework: a problem document or an OAuth error."""

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pdp.core.values import pointer
from pdp.errors import (
    INTERNAL,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    UNAVAILABLE,
    Kind,
    OAuthFault,
    Problem,
)
from pdp.ops.gate import UNKNOWN_FAULT
from pdp.store.engine import CommitUnknown, StoreUnavailable

_PROBLEM = "application/problem+json"


def render_errors(api: FastAPI) -> None:
    """Answer each exception in its form: problems, OAuth errors, and nothing else."""

    @api.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return _response(error)

    @api.exception_handler(OAuthFault)
    async def oauth_fault(request: Request, error: OAuthFault) -> Response:
        headers = {"Cache-Control": "no-store", **error.headers}
        body = orjson.dumps(error.document())
        return Response(body, error.status, headers, "application/json")

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [
            {"pointer": pointer(*fault["loc"]), "detail": fault["msg"].lower()}
            for fault in error.errors()
        ]
        return _response(Problem(INVALID_REQUEST, "the request cannot be read", errors=faults))

    @api.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        own = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}.get(error.status_code)
        kind = own or Kind("about:blank", error.status_code, str(error.detail))
        return _response(Problem(kind, headers=dict(error.headers or {})))

    @api.exception_handler(StoreUnavailable)
    @api.exception_handler(CommitUnknown)
    async def unavailable(request: Request, error: Exception) -> Response:
        return _response(Problem(UNAVAILABLE, str(error), headers={"Retry-After": "1"}))

    # Starlette raises the fault again after this answer, so that the gate still logs it.
    @api.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        return _response(Problem(INTERNAL, UNKNOWN_FAULT))


def _response(problem: Problem) -> Response:
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(orjson.dumps(problem.document()), problem.status, headers, _PROBLEM)
