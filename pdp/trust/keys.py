"""The key ring: signing keys kept sealed in the database, and keyed MACs of this deployment.

A key is `next`, then `active`, then `retired`. All are published, so that a verifier knows a key
before anything is signed with it and as long as anything signed with it may be shown.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from pdp.core.values import JsonObject
from pdp.settings import Settings
from pdp.store import keys as stored
from pdp.store.engine import Database, Session
from pdp.trust.jose import PrivateKey, PublicKeys, verify
from pdp.trust.master_key import MasterKey, master_key

ALGORITHM = "ES256"
RETIRED_FOR = timedelta(days=30)
"""How long a retired key stays published: beyond the longest life of what it signed."""


class KeyRing:
    """The keys of this deployment as this process holds them; `refresh` follows the database."""

    def __init__(self, database: Database, master: MasterKey) -> None:
        self._database = database
        self._master = master
        self._macs: dict[str, bytes] = {}
        self._active: PrivateKey | None = None
        self._private: dict[str, PrivateKey] = {}
        self._jwks: JsonObject = {"keys": []}
        self._public = PublicKeys(self._jwks)

    @classmethod
    def open(cls, database: Database, settings: Settings, *, now: datetime) -> "KeyRing":
        """The ring of `database` under the configured master key; raises `MasterKeyError`."""
        configured = settings.keys.master_key
        secret = configured.get_secret_value() if configured else None
        master = master_key(secret, settings.keys.master_key_file, settings.database)
        return cls.of(database, master, now)

    @classmethod
    def of(cls, database: Database, master: MasterKey, now: datetime) -> "KeyRing":
        """The ring of `database`, with an active and a next key made where there are none."""
        ring = cls(database, master)
        if not ring._complete(database.read(stored.all_keys)):
            database.write(lambda session: ring._fill(session, now))
        ring.refresh()
        return ring

    def refresh(self) -> None:
        """Read the keys again; raises `MasterKeyError` when they were sealed with another key."""
        rows = self._database.read(stored.all_keys)
        private = {row.kid: self._opened(row) for row in rows}
        active = next((row.kid for row in rows if row.state == "active"), None)
        self._jwks = {"keys": [row.public_jwk for row in rows]}
        self._public = PublicKeys(self._jwks)
        self._private = private
        self._active = private[active] if active else None

    def sign(self, claims: JsonObject, typ: str | None = None) -> str:
        """A JWT of `claims`, signed with the active key."""
        assert self._active is not None
        return self._active.sign_claims(claims, typ)

    def verify(self, token: str) -> JsonObject:
        """The claims of a token signed with a key of this ring; raises `BadToken`."""
        return verify(token, self._public, [ALGORITHM])

    def jwks(self) -> JsonObject:
        """The public JWK set."""
        return self._jwks

    def active_key(self) -> PrivateKey:
        """The key that signs now."""
        assert self._active is not None
        return self._active

    def private_key(self, kid: str) -> PrivateKey | None:
        """The key pair of that `kid`, for what was encrypted to it."""
        return self._private.get(kid)

    def mac(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA-256 of `data` under the key of `purpose`, the same on every replica."""
        key = self._macs.get(purpose)
        if key is None:
            key = self._macs[purpose] = self._master.derive("mac " + purpose)
        return hmac.digest(key, data, hashlib.sha256)

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt something secret before it is kept."""
        return self._master.seal(plain, purpose)

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what `seal` made; raises `MasterKeyError`."""
        return self._master.unseal(sealed, purpose)

    def rotate(self, now: datetime) -> str:
        """Retire the active key, put the next one in its place, make a new next; its `kid`."""
        kid = self._database.write(lambda session: self._rotate(session, now))
        self.refresh()
        return kid

    def _rotate(self, session: Session, now: datetime) -> str:
        rows = stored.lock(session, ALGORITHM)
        for row in rows:
            if row.state == "active":
                stored.set_state(session, row.kid, "active", "retired", now)
        following = next(row for row in rows if row.state == "next")
        stored.set_state(session, following.kid, "next", "active", now)
        stored.drop_retired(session, now - RETIRED_FOR)
        self._add(session, "next", now)
        return following.kid

    def _fill(self, session: Session, now: datetime) -> None:
        states = {row.state for row in stored.lock(session, ALGORITHM)}
        for state in ("active", "next"):
            if state not in states:
                self._add(session, state, now)

    def _add(self, session: Session, state: Any, now: datetime) -> None:
        key = PrivateKey.generate()
        row = stored.SigningKey(
            kid=key.kid,
            alg=ALGORITHM,
            state=state,
            public_jwk=key.public_jwk(),
            private_sealed=self._master.seal(key.to_bytes(), f"signing key {key.kid}"),
            created_at=now,
            activated_at=now if state == "active" else None,
        )
        stored.add(session, row)

    def _complete(self, rows: list[stored.SigningKey]) -> bool:
        return {"active", "next"} <= {row.state for row in rows}

    def _opened(self, row: stored.SigningKey) -> PrivateKey:
        return PrivateKey.from_bytes(
            self._master.unseal(row.private_sealed, f"signing key {row.kid}")
        )
