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

from pdp.settings import Settings, SettingsError
from pdp.store.connect import parse_address

VARIABLE = "PDP_KEYS__MASTER_KEY"
_SIZE = 32
_NONCE = 12


class MasterKeyError(SettingsError):
    """There is no usable master key; the text is one line that says what is wanted."""


class MasterKey:
    """32 secret bytes; sealing is AES-256-GCM with the purpose as associated data.

    Args:
        secret: the key.
        source: where it comes from, for the text of errors.
    """

    def __init__(self, secret: bytes, source: str = VARIABLE) -> None:
        if len(secret) != _SIZE:
            raise MasterKeyError(f"{source}: the master key must be 32 random bytes in base64")
        self._secret = secret
        self._source = source
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
                f"{self._source}: is not the master key that this database was sealed with"
            ) from None


def master_key_of(settings: Settings) -> MasterKey:
    """The configured key, or the one in the file, or one generated beside an SQLite database.

    Raises:
        MasterKeyError: there is none, or it cannot be read.
    """
    configured, file = settings.keys.master_key, settings.keys.master_key_file
    if configured is not None:
        return MasterKey(_decoded(configured.get_secret_value(), VARIABLE))
    if file is None:
        database = parse_address(settings.database)
        if database.get_backend_name() != "sqlite" or not database.database:
            raise MasterKeyError(
                f"{VARIABLE}: is needed with this database: 32 random bytes in base64"
                " (`openssl rand -base64 32`), the same for every replica"
            )
        file = Path(database.database + ".key")
        _create(file)
    try:
        return MasterKey(_decoded(file.read_text("ascii"), str(file)), str(file))
    except UnicodeDecodeError:
        raise MasterKeyError(f"{file}: is not base64") from None
    except OSError as error:
        raise MasterKeyError(f"{file}: cannot be read: {error.strerror}") from None


def _create(file: Path) -> None:
    """Write a new key, unless there is one; several processes at once agree on one key."""
    if file.exists():
        return
    draft = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    text = base64.b64encode(secrets.token_bytes(_SIZE)).decode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
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
        _flush_folder(file.parent)
    except OSError as error:
        raise MasterKeyError(
            f"{file}: cannot be made: {error.strerror}; or set {VARIABLE}"
        ) from None


def _flush_folder(folder: Path) -> None:
    """Make the new name durable: what is sealed with a lost key is lost as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _decoded(text: str, source: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise MasterKeyError(f"{source}: is not base64") from None
