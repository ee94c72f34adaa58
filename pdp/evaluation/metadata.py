"""PDP metadata (AuthZEN 1.0, section 9) and where it is published."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from pdp.core.values import JsonObject

WELL_KNOWN = "/.well-known/authzen-configuration"
CAPABILITY_ACCESS_REQUEST = "urn:openid:authzen:capability:access-request"

Sign = Callable[[JsonObject], str]


class Endpoints(NamedTuple):
    """The paths that this server answers; None where a feature is switched off."""

    access_request: str | None = None
    capabilities: Sequence[str] = ()


def metadata(base_url: str, endpoints: Endpoints, now: datetime, sign: Sign) -> JsonObject:
    """The metadata document, with `signed_metadata` over the same values.

    Args:
        base_url: the policy decision point's identifier.
        endpoints: what is served beyond the AuthZEN core.
        now: when it is signed.
        sign: makes a compact JWT of claims.
    """
    base = base_url.rstrip("/")
    document: JsonObject = {
        "policy_decision_point": base_url,
        "access_evaluation_endpoint": base + "/access/v1/evaluation",
        "access_evaluations_endpoint": base + "/access/v1/evaluations",
        "search_subject_endpoint": base + "/access/v1/search/subject",
        "search_resource_endpoint": base + "/access/v1/search/resource",
        "search_action_endpoint": base + "/access/v1/search/action",
        "jwks_uri": base + "/access/v1/jwks",
    }
    if endpoints.access_request is not None:
        document["access_request_endpoint"] = endpoints.access_request
    if endpoints.capabilities:
        document["capabilities"] = list(endpoints.capabilities)
    claims = {**document, "iss": base_url, "iat": int(now.timestamp())}
    return {**document, "signed_metadata": sign(claims)}


def well_known_path(base_url: str) -> str:
    """Where the document of `base_url` lives: the well-known part comes before its path."""
    return WELL_KNOWN + urlsplit(base_url).path.rstrip("/")
