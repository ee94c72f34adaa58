"""A route that FastAPI documents and a lean ASGI handler answers."""

from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel

from pdp.ops.asgi import ASGIApp
from pdp.ops.problem_doc import problem_responses


def lean_post(
    router: APIRouter,
    path: str,
    handler: ASGIApp,
    *,
    request: type[BaseModel],
    response: type[BaseModel],
    summary: str,
    tag: str,
) -> None:
    """Register `handler` for POST on `path`, documented by its request and response models."""

    def operation(body: Any) -> Any:
        raise AssertionError("the lean handler answers this route")

    operation.__annotations__ = {"body": request, "return": response}
    operation.__name__ = path.strip("/").replace("/", "_").replace("-", "_")
    route = APIRoute(
        router.prefix + path,
        operation,
        methods=["POST"],
        summary=summary,
        tags=[tag],
        response_model=response,
        response_model_exclude_none=True,
        responses=problem_responses(),
        operation_id=operation.__name__,
    )
    route.app = handler
    router.routes.append(route)
