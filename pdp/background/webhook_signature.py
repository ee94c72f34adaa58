"""The signatures of `pdp.trust.webhook_signature`, under the name that the background uses."""

from pdp.trust.webhook_signature import (
    PREFIX,
    BadSignature,
    format_secret,
    parse_secret,
    signature,
    signed_headers,
    verify,
)

__all__ = [
    "PREFIX",
    "BadSignature",
    "format_secret",
    "parse_secret",
    "signature",
    "signed_headers",
    "verify",
]
