"""The five AuthZEN operations: their paths, their lean handlers, their documentation."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from fastapi import APIRouter
from pydantic import BaseModel

from pdp.core.values import MAX_DEPTH
from pdp.evaluation import wire
from pdp.evaluation.decision_log import DecisionLog
from pdp.evaluation.page_token import PageTokens
from pdp.evaluation.reconsider import Approvals
from pdp.evaluation.requestable import Issuer
from pdp.evaluation.routes import Defer, EvaluationRoutes
from pdp.evaluation.search import Search
from pdp.evaluation.search_routes import SearchRoutes
from pdp.ops.asgi import ASGIApp
from pdp.ops.json_endpoint import Handler, JsonEndpoint
from pdp.ops.lean_route import lean_post
from pdp.ops.metrics import Metrics
from pdp.policy.authorizer import Authorizer
from pdp.trust.callers import Authenticator
from pdp.trust.limits import RateLimit

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SEARCH = "/access/v1/search/"


class Parts(NamedTuple):
    """What the operations need."""

    authenticator: Authenticator
    authorizer: Callable[[], Authorizer]
    log: DecisionLog
    metrics: Metrics
    tokens: PageTokens
    clock: Callable[[], datetime]
    body_bytes: int
    most_items: int
    default_page: int
    largest_page: int
    issuer: Issuer | None = None
    rate: RateLimit | None = None
    approvals: Approvals | None = None
    depth: int = MAX_DEPTH
    traced: Callable[[str, Handler], Handler] | None = None
    defer: Defer | None = None


def handlers(parts: Parts) -> dict[str, ASGIApp]:
    """The handler of each path."""
    evaluation = EvaluationRoutes(
        parts.authorizer,
        parts.log,
        parts.metrics,
        parts.most_items,
        parts.clock,
        parts.issuer,
        parts.approvals,
        parts.defer,
    )
    search = SearchRoutes(
        Search(parts.tokens, parts.default_page, parts.largest_page), parts.authorizer, parts.clock
    )

    def endpoint(name: str, handler: Handler) -> ASGIApp:
        if parts.traced is not None:
            handler = parts.traced(name, handler)
        return JsonEndpoint(
            handler, "pep", parts.authenticator, parts.body_bytes, parts.rate, depth=parts.depth
        )

    return {
        EVALUATION: endpoint("evaluation", evaluation.evaluation),
        EVALUATIONS: endpoint("evaluations", evaluation.evaluations),
        SEARCH + "subject": endpoint("subject search", search.handler("subject")),
        SEARCH + "resource": endpoint("resource search", search.handler("resource")),
        SEARCH + "action": endpoint("action search", search.handler("action")),
    }


_DOCUMENTATION: dict[str, tuple[type[BaseModel], type[BaseModel], str]] = {
    EVALUATION: (wire.EvaluationRequest, wire.EvaluationResponse, "Decide one question"),
    EVALUATIONS: (wire.EvaluationsRequest, wire.EvaluationsResponse, "Decide many questions"),
    SEARCH + "subject": (
        wire.SubjectSearchRequest,
        wire.EntitySearchResponse,
        "Who may do this on that?",
    ),
    SEARCH + "resource": (
        wire.ResourceSearchRequest,
        wire.EntitySearchResponse,
        "On what may this subject do this?",
    ),
    SEARCH + "action": (
        wire.ActionSearchRequest,
        wire.ActionSearchResponse,
        "What may this subject do there?",
    ),
}


def router(served: Mapping[str, ASGIApp]) -> APIRouter:
    """The same operations as routes of the OpenAPI document."""
    documented = APIRouter()
    for path, (request, response, summary) in _DOCUMENTATION.items():
        lean_post(
            documented,
            path,
            served[path],
            request=request,
            response=response,
            summary=summary,
            tag="evaluation",
        )
    return documented
