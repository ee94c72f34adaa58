"""All settings together, and what must hold between them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pdp.settings.sections import (
    AccessRequestSettings,
    AuthenticationSettings,
    ClientSettings,
    IssuerSettings,
    KeySettings,
    LimitSettings,
    LogSettings,
    OutboundSettings,
    ResourceSettings,
    RetentionSettings,
    SearchSettings,
    Section,
    TelemetrySettings,
    TrustedPdpSettings,
    TrustedServiceSettings,
)
from pdp.settings.values import WebhookSecretText, is_loopback

NOT_SERVING = "not_serving"
"""Validation context of commands that do not listen, and so need no `base_url`."""


class Settings(Section):
    """All settings of a server."""

    base_url: str = Field("", description="every advertised URL is built from it; https")
    database: str = Field(
        "sqlite:///pdp.db", description="`sqlite:///file` or `postgresql://user@host/name`"
    )
    policies: Path = Field(Path("policies"), description="the policy folder")
    schemas: Path = Field(Path("schemas"), description="the folder of Cedar schemas and forms")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8181, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    workers: int = Field(1, ge=1, le=256, description="processes")
    demo: bool = Field(False, description="demo people and public keys; only on a loopback host")
    clients: list[ClientSettings] = Field([], description="machine callers")
    issuers: list[IssuerSettings] = Field([], description="whose access tokens are accepted")
    authentication: AuthenticationSettings = AuthenticationSettings()
    log: LogSettings = LogSettings()
    limits: LimitSettings = LimitSettings()
    search: SearchSettings = SearchSettings()
    keys: KeySettings = KeySettings()
    outbound: OutboundSettings = OutboundSettings()
    access_requests: AccessRequestSettings = AccessRequestSettings()
    trusted_pdps: list[TrustedPdpSettings] = Field([], description="whose denials are accepted")
    trusted_services: list[TrustedServiceSettings] = Field(
        [], description="whose signed approvals are accepted"
    )
    resources: list[ResourceSettings] = Field(
        [], description="protected resources that sign transaction challenges"
    )
    secrets: dict[str, WebhookSecretText] = Field(
        {}, description="secrets of third parties, by the name that a workflow's step gives"
    )
    retention: RetentionSettings = RetentionSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            raise ValueError("must be an absolute https URL") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an absolute https URL")
        if any(mark in value for mark in "?#@\\") or not (value.isascii() and value.isprintable()):
            raise ValueError("must have no query, fragment or user information")
        return value

    @field_validator("host")
    @classmethod
    def _some_host(cls, value: str) -> str:
        if not value:
            raise ValueError("must be an address; `0.0.0.0` listens on every one")
        return value

    @model_validator(mode="before")
    @classmethod
    def _demo_url(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("demo") and not given.get("base_url"):
            host, port = given.get("host", "127.0.0.1"), given.get("port", 8181)
            return {**given, "base_url": local_url(str(host), port)}
        return given

    @model_validator(mode="after")
    def _safe(self, info: ValidationInfo) -> "Settings":
        loopback = is_loopback(self.host)
        if not self.authentication.required and not loopback:
            raise ValueError("`authentication.required` can be false only with a loopback `host`")
        if self.demo and not loopback:
            raise ValueError("`demo` has public keys, so it needs a loopback `host`")
        _refuse_twins("clients", "id", [client.id for client in self.clients])
        _refuse_twins("clients", "key_sha256", [client.key_sha256 for client in self.clients])
        _refuse_twins("issuers", "issuer", [issuer.issuer for issuer in self.issuers])
        _refuse_twins("resources", "issuer", [other.issuer for other in self.resources])
        _refuse_twins("trusted_pdps", "issuer", [other.issuer for other in self.trusted_pdps])
        _refuse_twins("trusted_services", "issuer", [one.issuer for one in self.trusted_services])
        if info.context != NOT_SERVING:
            self._check_base_url()
        return self

    def _check_base_url(self) -> None:
        if not self.base_url:
            raise ValueError("`base_url` is needed: the https URL that callers reach")
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" and not (self.demo and is_loopback(parts.hostname or "")):
            raise ValueError("`base_url` must be https (http only with `demo`, on this machine)")

    def listening_on(self, port: int) -> "Settings":
        """The settings once the port is known, for `port = 0` in the demo."""
        if self.base_url != local_url(self.host, self.port):
            return self.model_copy(update={"port": port})
        return self.model_copy(update={"port": port, "base_url": local_url(self.host, port)})


def local_url(host: str, port: object) -> str:
    """The http URL of a listening address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _refuse_twins(table: str, key: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"two `{table}` have the same `{key}`")
        seen.add(value)
