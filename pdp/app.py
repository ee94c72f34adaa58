"""The composition root: the routes of every flow, put together into one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import anyio
import orjson
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from pdp import __version__
from pdp.access_request import answer_routes, catalog_routes, form_routes
from pdp.access_request import routes as request_routes
from pdp.admin import (
    audit_routes,
    decision_routes,
    entity_routes,
    outbox_routes,
    policy_routes,
)
from pdp.core.values import JsonObject
from pdp.deferral import routes as oauth_routes
from pdp.deferral.lean import poll_endpoints
from pdp.deferral.one_trip import deferring
from pdp.evaluation import endpoints
from pdp.evaluation.metadata import (
    CAPABILITY_ACCESS_REQUEST,
    Endpoints,
    metadata,
    well_known_path,
)
from pdp.evaluation.page_token import PageTokens
from pdp.evaluation.requestable import Issuer
from pdp.ops.asgi import ASGIApp, Receive, Scope, Send
from pdp.ops.docs_page import DOCS_POLICY, docs_page
from pdp.ops.error_answers import render_errors
from pdp.ops.gate import Gate
from pdp.ops.openapi import DocumentedApi
from pdp.policy.bundle import BundleError
from pdp.policy.source_files import UnreadableFolder
from pdp.queue import (
    approval_routes,
    bulk_routes,
    deputy_routes,
    event_routes,
    handling_routes,
    review_routes,
    subscription_routes,
    task_routes,
)
from pdp.services import Services, utc_now
from pdp.settings import Settings, SettingsError
from pdp.store.connect import BadAddress
from pdp.store.engine import StoreUnavailable
from pdp.store.migrate import UnknownRevision

_CACHED = "public, max-age=300"
_ROUTE_NEEDS = (
    *("settings", "database", "authenticator", "keys", "rate"),
    *("source", "live", "decision_log", "desk", "deferral"),
)
_QUEUE = (
    task_routes.router,
    handling_routes.router,
    bulk_routes.router,
    approval_routes.router,
    review_routes.router,
    subscription_routes.router,
    event_routes.router,
    deputy_routes.router,
)
_ADMIN = (
    entity_routes.router,
    policy_routes.router,
    decision_routes.router,
    audit_routes.router,
    outbox_routes.router,
)


class StartFailed(Exception):
    """The server cannot start; the text says why and what to do."""


class Server:
    """The whole server as one ASGI application."""

    def __init__(self, services: Services) -> None:
        self.services = services
        handlers = endpoints.handlers(_evaluation_parts(services))
        self.api = _api(services, handlers)
        limits = services.settings.limits
        # A proxy in front may or may not take the base URL's path off: both are answered.
        self._base_path = urlsplit(services.settings.base_url).path.rstrip("/")
        self._gate: ASGIApp = Gate(
            self.api,
            handlers | self._polls(services),
            services.line_log,
            services.metrics,
            limits.body_bytes,
            entity_routes.router.prefix,
            limits.bulk_bytes,
        )
        if services.tracing is not None:
            self._gate = services.tracing.around(self._gate)

    @staticmethod
    def _polls(services: Services) -> dict[str, ASGIApp]:
        limits = services.settings.limits
        return poll_endpoints(
            services.deferral,
            services.authenticator,
            services.rate,
            limits.body_bytes,
            limits.depth,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        base = self._base_path
        if base and scope["type"] == "http" and scope["path"].startswith(base + "/"):
            scope["path"] = scope["path"][len(base) :]
        await self._gate(scope, receive, send)

    def reload_policies(self) -> None:
        """Read the policy folder again (SIGHUP)."""
        self.services.source.poke()


def create_app(settings: Settings) -> Server:
    """Make the application of one process.

    Raises:
        StartFailed: the database or the policy folder cannot be used.
    """
    try:
        return Server(Services(settings, utc_now))
    except (BundleError, UnreadableFolder, SettingsError, BadAddress, UnknownRevision) as error:
        raise StartFailed(str(error)) from error
    except StoreUnavailable as error:
        raise StartFailed(f"the database cannot be used: {error}") from error


def _evaluation_parts(services: Services) -> endpoints.Parts:
    limits, search = services.settings.limits, services.settings.search
    return endpoints.Parts(
        authenticator=services.authenticator,
        authorizer=lambda: services.live.current,
        log=services.decision_log,
        metrics=services.metrics,
        tokens=PageTokens(lambda data: services.keys.mac("page-token", data)),
        clock=services.clock,
        body_bytes=limits.body_bytes,
        most_items=limits.batch_items,
        default_page=search.default_page,
        largest_page=search.max_page,
        rate=services.rate,
        approvals=services.approvals,
        issuer=_issuer(services),
        depth=limits.depth,
        defer=deferring(services.deferral),
        traced=None if services.tracing is None else services.tracing.handler,
    )


def _issuer(services: Services) -> Issuer | None:
    settings = services.settings
    if not settings.access_requests.enabled:
        return None
    desk = services.desk
    return Issuer(desk.identifier, desk.endpoint, desk.base, services.keys)


def _api(services: Services, handlers: dict[str, Any]) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(services.start)
        yield
        await anyio.to_thread.run_sync(services.close)

    api = DocumentedApi(
        title="authzen-pdp",
        version=__version__,
        description="A Policy Decision Point that answers yes, no and not yet.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    api.state.services = services
    for name in _ROUTE_NEEDS:
        setattr(api.state, name, getattr(services, name))
    render_errors(api)
    api.include_router(endpoints.router(handlers))
    api.include_router(_operations(services, api))
    api.include_router(form_routes.router)
    api.include_router(catalog_routes.router)
    api.include_router(answer_routes.router)
    api.include_router(request_routes.router)
    api.include_router(oauth_routes.router)
    for queue in _QUEUE:
        api.include_router(queue)
    for admin in _ADMIN:
        api.include_router(admin)
    return api


def _operations(services: Services, api: FastAPI) -> APIRouter:
    router = APIRouter(tags=["operations"])
    settings = services.settings
    offered = Endpoints()
    if settings.access_requests.enabled:
        offered = Endpoints(services.desk.endpoint, (CAPABILITY_ACCESS_REQUEST,))

    @router.get(well_known_path(settings.base_url), summary="PDP metadata", tags=["discovery"])
    async def configuration(response: Response) -> JsonObject:
        response.headers["Cache-Control"] = _CACHED
        return metadata(
            settings.base_url, offered, services.clock(), lambda c: services.keys.sign(c)
        )

    @router.get("/access/v1/jwks", summary="Public keys", tags=["discovery"])
    async def jwks() -> Response:
        body = orjson.dumps(services.keys.jwks())
        headers = {"Cache-Control": _CACHED}
        return Response(body, media_type="application/json", headers=headers)

    @router.get("/healthz", summary="Whether this process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/readyz",
        summary="Whether this process can answer",
        responses={503: {"description": "Not now; the body says what is missing"}},
    )
    async def readyz() -> Response:
        ready, state = await anyio.to_thread.run_sync(services.health.ready)
        body = orjson.dumps({**state, "policy_version": services.live.current.version})
        return Response(body, 200 if ready else 503, media_type="application/json")

    @router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        services.metrics.queue_depth.labels("decision_log").set(services.decision_log.depth)
        text = await anyio.to_thread.run_sync(services.metrics.render)
        return Response(text, media_type="text/plain; version=0.0.4")

    @router.get("/docs", summary="The API reference as a page", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(
            docs_page(api.openapi()), headers={"Content-Security-Policy": DOCS_POLICY}
        )

    return router


def openapi_document() -> JsonObject:
    """The OpenAPI document, made from a server with an empty policy folder of its own."""
    with TemporaryDirectory(prefix="pdp-openapi-") as folder:
        settings = Settings(
            demo=True,
            base_url="http://127.0.0.1:8181",
            database=f"sqlite:///{folder}/pdp.db",
            policies=Path(folder),
            schemas=Path(folder),
        )
        server = create_app(settings)
        try:
            document: JsonObject = server.api.openapi()
        finally:
            server.services.close()
    return document
