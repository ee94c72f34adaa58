"""The little value types of the settings: durations, digests, addresses, subjects."""

import base64
import binascii
import hashlib
import ipaddress
import json
import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SecretStr

Role = Literal["pep", "as", "approver_proxy", "admin", "auditor"]
Algorithm = Literal["ES256", "RS256", "PS256", "Ed25519"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SUBJECT = re.compile(
    r'\*|[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*::(\*|(?P<quoted>".+")|[^"].*)'
)
_OF_NOTHING = hashlib.sha256(b"").hexdigest()
_MASTER_KEY_BYTES = 32


def is_loopback(host: str) -> bool:
    """Whether a listening address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_web_address(value: str) -> bool:
    """Whether it is an absolute https URL, or an http URL of this very machine."""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.fragment or parts.username or parts.password)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    return bool(plain and safe and host and value.isascii() and value.isprintable())


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        if isinstance(value, timedelta):
            return value
        raise ValueError("must be a duration such as `30s`, `10m`, `4h` or `7d`")
    found = _DURATION.fullmatch(value)
    if found is None:
        raise ValueError("must be a duration such as `30s`, `10m`, `4h` or `7d`")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _duration_text(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _digest(value: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise ValueError("must be the SHA-256 of the key as 64 hex digits, not the key itself")
    if value.lower() == _OF_NOTHING:
        raise ValueError("is the SHA-256 of an empty key")
    return value.lower()


def _web_address(value: str) -> str:
    if not is_web_address(value):
        raise ValueError("must be an absolute https URL (http only to this machine itself)")
    return value


def _subject(value: str) -> str:
    found = _SUBJECT.fullmatch(value)
    if found is None or (found["quoted"] and not _is_json(found["quoted"])):
        raise ValueError('must be `*`, `Type::*` or one entity such as `User::"alice"`')
    return value


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _redaction(value: str) -> str:
    if not value.startswith("/") or len(value) == 1:
        raise ValueError("must be a JSON Pointer into the request, such as `/context/password`")
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=True))
    except ValueError:
        raise ValueError("must be a network such as `10.1.0.0/16` or `fd00::/8`") from None


def _webhook_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        size = len(base64.b64decode(text.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not (text.startswith("whsec_") and 24 <= size <= 64):
        raise ValueError("must be `whsec_` and 24 to 64 random bytes in base64")
    return value


def _master_key(value: SecretStr) -> SecretStr:
    try:
        size = len(base64.b64decode(value.get_secret_value(), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != _MASTER_KEY_BYTES:
        raise ValueError("must be 32 random bytes in base64 (`openssl rand -base64 32`)")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(_duration_text)]
"""Text such as `30s`, `10m`, `4h`, `7d`."""
KeyDigest = Annotated[str, AfterValidator(_digest)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
SubjectPattern = Annotated[str, AfterValidator(_subject)]
RedactionRule = Annotated[str, AfterValidator(_redaction)]
Network = Annotated[str, AfterValidator(_network)]
MasterKeyText = Annotated[SecretStr, AfterValidator(_master_key)]
WebhookSecretText = Annotated[SecretStr, AfterValidator(_webhook_secret)]
"""`whsec_` and base64, as Standard Webhooks writes secrets."""
