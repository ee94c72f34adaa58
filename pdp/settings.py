"""The configuration: one file, overridden by the environment, overridden by flags.

Every key of the file is also an environment variable `PDP_SECTION__KEY`; a list or a table is
written there as JSON. An unknown key or a bad value stops the start with one line.
"""

import ipaddress
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_origin
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

PREFIX = "PDP_"
DEFAULT_FILE = Path("pdp.toml")
_LOOPBACK_NAMES = frozenset({"localhost"})

Role = Literal["pep", "as", "approver_proxy", "admin", "auditor"]
Algorithm = Literal["ES256", "ES384", "RS256", "PS256", "Ed25519"]


class SettingsError(Exception):
    """The configuration cannot be used; the text is one line: where, which key, what is wanted."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClientSettings(_Section):
    """A machine caller known by the SHA-256 of its key."""

    id: str = Field(min_length=1)
    key_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    roles: list[Role] = Field(min_length=1)
    acts_for: list[str] = ["*"]


class IssuerSettings(_Section):
    """An authorization server whose JWT access tokens (RFC 9068) are accepted."""

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks_uri: str | None = None
    jwks_file: Path | None = None
    algorithms: list[Algorithm] = ["ES256", "RS256", "PS256", "Ed25519"]
    roles_claim: str = "roles"
    scope_prefix: str = "pdp:"
    acts_for: list[str] = ["*"]
    require_at_jwt: bool = True

    @model_validator(mode="after")
    def _one_source(self) -> "IssuerSettings":
        if (self.jwks_uri is None) == (self.jwks_file is None):
            raise ValueError("exactly one of `jwks_uri` and `jwks_file` is needed")
        return self


class AuthenticationSettings(_Section):
    """Whether callers must prove who they are."""

    required: bool = True


class LogSettings(_Section):
    """What is logged, and where decisions go."""

    decisions: Literal["database", "file", "stdout", "none"] = "database"
    decisions_file: Path | None = None
    sample_allow: float = Field(default=1.0, ge=0.0, le=1.0)
    redact: list[str] = []
    keep_decisions_days: int = Field(default=90, ge=1)

    @model_validator(mode="after")
    def _file_named(self) -> "LogSettings":
        if self.decisions == "file" and self.decisions_file is None:
            raise ValueError("`decisions_file` is needed when `decisions` is `file`")
        return self


class LimitSettings(_Section):
    """How much one call or one caller may ask."""

    body_bytes: int = Field(default=1_048_576, ge=1024)
    bulk_bytes: int = Field(default=33_554_432, ge=1024)
    batch_items: int = Field(default=1000, ge=1, le=10_000)
    calls_per_second: float | None = Field(default=None, gt=0)
    burst: int = Field(default=200, ge=1)


class SearchSettings(_Section):
    """The pages of a search."""

    default_page: int = Field(default=100, ge=1)
    max_page: int = Field(default=1000, ge=1)


class KeySettings(_Section):
    """The master key that seals everything secret in the database: 32 bytes in base64."""

    master_key: SecretStr | None = None
    master_key_file: Path | None = None


class OutboundSettings(_Section):
    """Where this server may connect to by itself."""

    allow_hosts: list[str] = []
    allow_networks: list[str] = []
    connect_seconds: float = Field(default=5.0, gt=0)
    total_seconds: float = Field(default=15.0, gt=0)


class Settings(_Section):
    """All settings of a server."""

    base_url: str = "http://127.0.0.1:8181"
    database: str = "sqlite:///pdp.db"
    policies: Path = Path("policies")
    schemas: Path = Path("schemas")
    host: str = "127.0.0.1"
    port: int = Field(default=8181, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=256)
    demo: bool = False
    clients: list[ClientSettings] = []
    issuers: list[IssuerSettings] = []
    authentication: AuthenticationSettings = AuthenticationSettings()
    log: LogSettings = LogSettings()
    limits: LimitSettings = LimitSettings()
    search: SearchSettings = SearchSettings()
    keys: KeySettings = KeySettings()
    outbound: OutboundSettings = OutboundSettings()

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("must be an absolute http or https URL")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("must have no query, fragment or user information")
        return value

    @model_validator(mode="after")
    def _safe(self) -> "Settings":
        loopback = is_loopback(self.host)
        if not self.authentication.required and not loopback:
            raise ValueError("`authentication.required = false` needs a loopback `host`")
        if self.demo and not loopback:
            raise ValueError("`demo` has public keys, so it needs a loopback `host`")
        if urlsplit(self.base_url).scheme != "https" and not self.demo:
            raise ValueError("`base_url` must be https (http only with `--demo`)")
        ids = [client.id for client in self.clients]
        if len(set(ids)) < len(ids):
            raise ValueError("two `clients` have the same `id`")
        return self


def is_loopback(host: str) -> bool:
    """Whether a listening address can only be reached from this machine."""
    if host in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings: flags beat the environment, which beats the file.

    Args:
        file: the configuration file; `pdp.toml` in this folder, if there is one, by default.
        flags: top-level keys given on the command line.
        environment: the environment variables; this process's by default.

    Raises:
        SettingsError: one line naming the source, the key and what is wanted.
    """
    named = file
    if file is None and DEFAULT_FILE.is_file():
        file = DEFAULT_FILE
    values = _read(file) if file is not None else {}
    given = os.environ if environment is None else environment
    origin = {key: str(file) for key in values}
    for name, text in sorted(given.items()):
        if name.startswith(PREFIX) and name not in _NOT_SETTINGS:
            path = name.removeprefix(PREFIX).lower().split("__")
            _put(values, path, text, name)
            origin[path[0]] = name
    for key, value in (flags or {}).items():
        values[key] = value
        origin[key] = f"--{key.replace('_', '-')}"
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_one_line(error, origin, named or file)) from None


_NOT_SETTINGS = frozenset({"PDP_WORKER_SOCKET", "PDP_URL", "PDP_KEY"})


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: is not TOML: {error}") from None


def _put(values: dict[str, Any], path: list[str], text: str, name: str) -> None:
    table = values
    model: type[BaseModel] = Settings
    for key in path[:-1]:
        section = model.model_fields.get(key)
        inner = section.annotation if section else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            raise SettingsError(f"{name}: there is no section `{key}`")
        model = inner
        table = table.setdefault(key, {})
    field = model.model_fields.get(path[-1])
    if field is None:
        raise SettingsError(f"{name}: there is no key `{'.'.join(path)}`")
    table[path[-1]] = _from_text(text, field.annotation, name)


def _from_text(text: str, annotation: Any, name: str) -> Any:
    is_section = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    if get_origin(annotation) is not list and not is_section:
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise SettingsError(f"{name}: must be JSON") from None


def _one_line(error: ValidationError, origin: Mapping[str, str], file: Path | None) -> str:
    fault = error.errors(include_input=False, include_url=False)[0]
    where = [str(part) for part in fault["loc"]]
    source = origin.get(where[0], str(file)) if where else str(file or "settings")
    key = ".".join(where)
    if fault["type"] == "extra_forbidden":
        return f"{source}: `{key}`: there is no such key"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{source}: `{key}`: {message}" if key else f"{source}: {message}"
