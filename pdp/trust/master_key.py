"""The master key: it seals what is secret in the database, and every other key derives from it."""

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SIZE = 32
_NONCE = 12


class MasterKeyError(Exception):
    """There is no usable master key; the text is one line that says what is wanted."""


class MasterKey:
    """32 secret bytes; sealing is AES-256-GCM with the purpose as associated data."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _SIZE:
            raise MasterKeyError("the master key must be 32 bytes in base64")
        self._secret = secret
        self._sealing = AESGCM(self.derive("seal"))

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose (HKDF-SHA-256)."""
        derivation = HKDF(SHA256(), _SIZE, salt=None, info=f"authzen-pdp {purpose}".encode())
        return derivation.derive(self._secret)

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt `plain`, readable only for the same purpose."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._sealing.encrypt(nonce, plain, purpose.encode())

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what `seal` made; raises `MasterKeyError` for another key or purpose."""
        try:
            return self._sealing.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError):
            raise MasterKeyError(
                "the master key is not the one that this database was sealed with"
            ) from None


def master_key(configured: str | None, file: Path | None, database_url: str) -> MasterKey:
    """The configured key, or the one in `file`, or one generated beside an SQLite database.

    Raises:
        MasterKeyError: there is none, or it cannot be read.
    """
    if configured is not None:
        return MasterKey(_decoded(configured, "PDP_KEYS__MASTER_KEY"))
    if file is None:
        if not database_url.startswith("sqlite:///"):
            raise MasterKeyError(
                "PDP_KEYS__MASTER_KEY: is needed with this database: 32 random bytes in base64"
            )
        file = Path(database_url.removeprefix("sqlite:///") + ".key")
        _create(file)
    try:
        return MasterKey(_decoded(file.read_text("ascii"), str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise MasterKeyError(f"{file}: cannot be read: {error}") from None


def _create(file: Path) -> None:
    """Write a new key, unless there is one; several processes at once agree on one key."""
    if file.exists():
        return
    draft = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    text = base64.b64encode(secrets.token_bytes(_SIZE)).decode()
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    except OSError as error:
        raise MasterKeyError(f"{file}: cannot be made: {error.strerror}") from None


def _decoded(text: str, source: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise MasterKeyError(f"{source}: is not base64") from None
