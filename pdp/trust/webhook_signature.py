"""Standard Webhooks signatures: HMAC-SHA-256 over id, time and body, made and checked.

https://github.com/standard-webhooks/standard-webhooks (scheme `v1`)
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
_SIZES = range(24, 65)


class BadSignature(ValueError):
    """A message that must not be believed; the text says why."""


def parse_secret(text: str) -> bytes:
    """The secret behind `whsec_…`; raises `ValueError` unless it is 24 to 64 bytes in base64."""
    try:
        secret = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a webhook secret is `whsec_` and base64") from None
    if len(secret) not in _SIZES:
        raise ValueError("a webhook secret has 24 to 64 bytes")
    return secret


def format_secret(secret: bytes) -> str:
    """A secret as both sides are told it."""
    return PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of one message, with its scheme."""
    content = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(secret, content, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(
    secrets: Iterable[bytes], message_id: str, now: datetime, body: bytes
) -> dict[str, str]:
    """The three headers of a message; one signature for each secret while secrets change."""
    timestamp = int(now.timestamp())
    signatures = [signature(secret, message_id, timestamp, body) for secret in secrets]
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[bytes], now: datetime) -> str:
    """Check a message that was received; gives its id, which a replay would bring again.

    Args:
        headers: with lower-case names.
        body: as received, byte for byte.
        secrets: the secrets of the sender, any of which may have signed.
        now: the message may be up to five minutes off.

    Raises:
        BadSignature: a header is missing, the time is off, or no signature fits.
    """
    message_id = headers.get("webhook-id", "")
    sent = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not message_id or not given or not (sent.isascii() and sent.isdigit() and len(sent) < 12):
        raise BadSignature("the webhook headers are missing or malformed")
    if abs(now.timestamp() - int(sent)) > TOLERANCE.total_seconds():
        raise BadSignature("the message is too old or from the future")
    candidates = [each.encode() for each in given.split(" ")]
    fits = False
    for secret in secrets:
        wanted = signature(secret, message_id, int(sent), body).encode()
        for candidate in candidates:
            fits |= hmac.compare_digest(wanted, candidate)
    if not fits:
        raise BadSignature("no signature of the message fits")
    return message_id
