"""The tables of the configuration file."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from pdp.settings.values import (
    Algorithm,
    Duration,
    KeyDigest,
    MasterKeyText,
    Network,
    RedactionRule,
    Role,
    SubjectPattern,
    WebAddress,
    WebhookSecretText,
)


class Section(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, str_max_length=8192
    )


class ClientSettings(Section):
    """A machine caller, known by the SHA-256 of its key."""

    id: str = Field(min_length=1, max_length=200, description="its stable name, also in logs")
    key_sha256: KeyDigest = Field(description="SHA-256 of its key, in hex")
    roles: list[Role] = Field(min_length=1, description="what it may do")
    acts_for: list[SubjectPattern] = Field(
        ["*"], description='subjects it may submit for: `*`, `User::*`, `User::"alice"`'
    )
    callbacks: list[WebAddress] = Field(
        [], description="URLs it may be called back at; one that ends in `/*` stands for all below"
    )
    callback_secret: WebhookSecretText | None = Field(
        None, description="signs its callbacks; else `pdp client callback-secret`"
    )
    callback_bearer: SecretStr | None = Field(
        None, min_length=1, description="or the token that its callbacks carry"
    )
    callback_certificate: Path | None = Field(
        None, description="or the client certificate, in PEM, that they are sent with"
    )
    callback_key: Path | None = Field(None, description="and the key of that certificate")

    @model_validator(mode="after")
    def _one_proof(self) -> "ClientSettings":
        if (self.callback_certificate is None) != (self.callback_key is None):
            raise ValueError("`callback_certificate` and `callback_key` go together")
        ways = (self.callback_secret, self.callback_bearer, self.callback_certificate)
        if sum(way is not None for way in ways) > 1:
            raise ValueError(
                "needs at most one of `callback_secret`, `callback_bearer` and "
                "`callback_certificate`"
            )
        return self


class IssuerSettings(Section):
    """An authorization server whose JWT access tokens (RFC 9068) are accepted."""

    issuer: str = Field(pattern=r"^[^#\s]+$", description="the `iss` of its tokens, exactly")
    audience: str = Field(min_length=1, description="the `aud` that means this server")
    jwks_uri: WebAddress | None = Field(None, description="where its public keys are")
    jwks_file: Path | None = Field(None, description="or the file that holds them")
    algorithms: list[Algorithm] = Field(
        ["ES256", "RS256", "PS256", "Ed25519"], min_length=1, description="accepted signatures"
    )
    scope_prefix: str = Field("pdp:", description="a scope of this and a role gives that role")
    roles_claim: str | None = Field(None, description="claim with further scope-like values")
    roles: dict[str, list[Role]] = Field(
        {}, description="scope or `roles_claim` value to roles, beside the prefixed ones"
    )
    subject_type: str | None = Field(None, description="Cedar type of the entity that `sub` names")
    acts_for: list[SubjectPattern] = Field(["*"], description="as for clients")
    callbacks: list[WebAddress] = Field([], description="as for clients")
    require_at_jwt: bool = Field(
        True, description="whether tokens must say `typ: at+jwt`; many servers do not"
    )

    @model_validator(mode="after")
    def _one_source(self) -> "IssuerSettings":
        if (self.jwks_uri is None) == (self.jwks_file is None):
            raise ValueError("needs exactly one of `jwks_uri` and `jwks_file`")
        return self


class TrustedPdpSettings(Section):
    """Another PDP whose signed denials may be submitted here."""

    issuer: str = Field(min_length=1, description="its identifier: the `iss` of its denials")
    jwks_uri: WebAddress | None = Field(None, description="where its public keys are")
    jwks_file: Path | None = Field(None, description="or the file that holds them")
    algorithms: list[Algorithm] = Field(["ES256"], min_length=1, description="accepted signatures")

    @model_validator(mode="after")
    def _one_source(self) -> "TrustedPdpSettings":
        if (self.jwks_uri is None) == (self.jwks_file is None):
            raise ValueError("needs exactly one of `jwks_uri` and `jwks_file`")
        return self


class TrustedServiceSettings(TrustedPdpSettings):
    """Another access request service: its signed approvals are taken, and it is never asked."""

    issuer: str = Field(
        min_length=1, description="the `iss` of its approvals, usually its submission URL"
    )


class ResourceSettings(TrustedPdpSettings):
    """A protected resource whose transaction challenges are taken."""

    issuer: str = Field(min_length=1, description="its identifier: the `iss` of its challenges")
    audience: str = Field(
        min_length=1, description="the `aud` of its challenges: the authorization server's issuer"
    )


class AuthenticationSettings(Section):
    """Whether callers must prove who they are."""

    required: bool = Field(
        True, description="`false` lets everybody on this machine in, so only on a loopback host"
    )


class LogSettings(Section):
    """What is logged, and where decisions go."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level")
    decisions: Literal["database", "file", "stdout", "none"] = Field(
        "database", description="where the decision log goes"
    )
    decisions_file: Path | None = Field(None, description="the file, for `file`")
    sample_allow: float = Field(
        1.0, ge=0.0, le=1.0, description="part of the allowed decisions that is kept; denials all"
    )
    redact: list[RedactionRule] = Field(
        [], description="JSON Pointers whose values are left out; `*` is any one member"
    )
    keep_decisions_days: int = Field(90, ge=1, description="days after which they are deleted")

    @model_validator(mode="after")
    def _file_named(self) -> "LogSettings":
        if self.decisions == "file" and self.decisions_file is None:
            raise ValueError("needs `decisions_file`, since `decisions` is `file`")
        return self


class LimitSettings(Section):
    """How much one call or one caller may ask."""

    body_bytes: int = Field(1_048_576, ge=1024, description="bytes of a body")
    bulk_bytes: int = Field(33_554_432, ge=1024, description="bytes of a bulk body (admin API)")
    depth: int = Field(64, ge=8, le=200, description="levels of nesting in JSON")
    batch_items: int = Field(1000, ge=1, le=10_000, description="evaluations in one call")
    calls_per_second: float | None = Field(
        None, gt=0, description="calls of one caller per second and replica; none: no limit"
    )
    burst: int = Field(200, ge=1, description="calls at once above that rate")


class SearchSettings(Section):
    """The pages of a search."""

    default_page: int = Field(100, ge=1, description="results of a page when none are asked for")
    max_page: int = Field(1000, ge=1, description="most results of a page")

    @model_validator(mode="after")
    def _ordered(self) -> "SearchSettings":
        if self.default_page > self.max_page:
            raise ValueError("`default_page` must be at most `max_page`")
        return self


class KeySettings(Section):
    """The keys of this server."""

    master_key: MasterKeyText | None = Field(
        None, description="seals everything secret in the database: 32 bytes in base64"
    )
    master_key_file: Path | None = Field(None, description="or the file that holds it")
    rotate_every: Duration | None = Field(None, description="age at which signing keys change")
    publish_retired: Duration = Field(
        timedelta(days=30), description="how long a retired key can still be verified with"
    )

    @model_validator(mode="after")
    def _one_source(self) -> "KeySettings":
        if self.master_key is not None and self.master_key_file is not None:
            raise ValueError("needs only one of `master_key` and `master_key_file`")
        return self


class OutboundSettings(Section):
    """Where this server may connect to by itself, and how long it waits."""

    allow_hosts: list[str] = Field(
        [], description="hosts that may be internal, and may be reached by http"
    )
    allow_networks: list[Network] = Field([], description="networks that may be reached")
    ca_file: Path | None = Field(None, description="certificate authorities beside the usual ones")
    connect_seconds: float = Field(5.0, gt=0, le=60, description="to look up and connect")
    total_seconds: float = Field(15.0, gt=0, le=300, description="for everything together")
    response_bytes: int = Field(1_048_576, ge=1024, description="bytes of an answer")


class AccessRequestSettings(Section):
    """Asking for what was denied (ARAP)."""

    enabled: bool = Field(True, description="whether denials can be requested here")
    endpoint: WebAddress | None = Field(
        None, description="the submission URL, when another service takes the requests"
    )
    clock_skew: Duration = Field(
        timedelta(seconds=30), description="by how much clocks may differ; at most `60s`"
    )

    @model_validator(mode="after")
    def _little_skew(self) -> "AccessRequestSettings":
        if self.clock_skew > timedelta(seconds=60):
            raise ValueError("`clock_skew` must be at most `60s`")
        return self


class RetentionSettings(Section):
    """For how many days what is over is kept; the audit is kept for ever."""

    tasks: int = Field(365, ge=1, description="closed requests with their votes and comments")
    approvals: int = Field(365, ge=1, description="approvals that ended")
    outbox: int = Field(30, ge=1, description="jobs that were done or given up")
    events: int = Field(30, ge=1, description="events for those who follow requests")
    policies: int = Field(90, ge=1, description="notes of which replica served which policies")
    deletions: int = Field(7, ge=1, description="marks of deleted entities")


class TelemetrySettings(Section):
    """OpenTelemetry traces."""

    enabled: bool = Field(False, description="whether traces are sent")
    sample: float = Field(0.01, ge=0.0, le=1.0, description="part of the requests that is traced")
    endpoint: WebAddress | None = Field(
        None, description="the URL that takes OTLP over HTTP; else what the variables of OTel say"
    )
