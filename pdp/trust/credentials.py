"""Credentials in HTTP: the `Authorization` header, its refusals (RFC 6750), and client keys."""

import hashlib
import secrets

from pdp.errors import UNAUTHENTICATED, Problem

REALM = 'Bearer realm="authzen-pdp"'
KEY_PREFIX = "pdpkey_"
"""So that scanners find a client key where it should not be."""


def bearer_of(authorization: bytes) -> bytes:
    """The credential of a `Bearer` header.

    Raises:
        Problem: 401; another scheme gets the bare challenge, as RFC 6750, section 3.1 has it.
    """
    scheme, _, credential = authorization.partition(b" ")
    if scheme.lower() != b"bearer":
        raise unauthenticated()
    credential = credential.strip(b" ")
    if not credential or b" " in credential or b"," in credential:
        raise unauthenticated("invalid_request", "the credential is malformed")
    return credential


def unauthenticated(error: str | None = None, description: str = "") -> Problem:
    """The problem of a missing or bad credential.

    Args:
        error: an error code of RFC 6750, section 3.1; none when no credential was sent.
        description: what is wrong, in words that do not repeat the credential.
    """
    challenge = REALM
    if error is not None:
        challenge += f', error="{error}"'
        if description:
            challenge += f', error_description="{description}"'
    return Problem(
        UNAUTHENTICATED,
        description or "send `Authorization: Bearer` with a client key or an access token",
        headers={"WWW-Authenticate": challenge},
    )


def new_client_key() -> str:
    """A key of 256 random bits for a client; only its digest is ever kept."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest_of(key: bytes) -> bytes:
    """The SHA-256 under which a key or a verified token is looked up."""
    return hashlib.sha256(key).digest()
