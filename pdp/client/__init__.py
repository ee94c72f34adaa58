"""A client for policy enforcement points and authorization servers, blocking and not."""

from pdp.client.async_client import AsyncClient
from pdp.client.calls import (
    Answer,
    CallFailed,
    Decision,
    Deferred,
    Permit,
    Refused,
    Request,
)
from pdp.client.sync_client import Client

__all__ = [
    "Answer",
    "AsyncClient",
    "CallFailed",
    "Client",
    "Decision",
    "Deferred",
    "Permit",
    "Refused",
    "Request",
]
