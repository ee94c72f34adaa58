"""The key ring: signing keys kept sealed in the database, and keyed MACs of this deployment.

A key is `next`, then `active`, then `retired`. All are published, so that a verifier knows a key
before anything is signed with it and as long as anything signed with it may be shown.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pdp.core.values import JsonObject
from pdp.settings import Settings
from pdp.store import keys as stored
from pdp.store.engine import Database, Session
from pdp.trust.jose import PrivateKey, PublicKeys, encrypt, verify
from pdp.trust.master_key import MasterKey, master_key_of

ALGORITHM = "ES256"
PUBLISH_RETIRED = timedelta(days=30)


class _Held(NamedTuple):
    """The keys of one version of the ring; replaced as a whole."""

    rows: Sequence[stored.SigningKey]
    private: dict[str, PrivateKey]
    active: PrivateKey
    jwks: JsonObject
    public: PublicKeys


class KeyRing:
    """The keys of this deployment as this process holds them; `refresh` follows the database."""

    def __init__(
        self, database: Database, master: MasterKey, publish_retired: timedelta = PUBLISH_RETIRED
    ) -> None:
        self._database = database
        self._master = master
        self._publish_retired = publish_retired
        self._macs: dict[str, bytes] = {}
        self._concealer: PrivateKey | None = None
        self._held: _Held

    @classmethod
    def open(cls, database: Database, settings: Settings, *, now: datetime) -> "KeyRing":
        """The ring of `database` under the configured master key; raises `MasterKeyError`."""
        master = master_key_of(settings)
        ring = cls(database, master, settings.keys.publish_retired)
        ring.prepare(now)
        return ring

    def prepare(self, now: datetime) -> None:
        """Make an active and a next key where there are none; raises `MasterKeyError`."""
        rows = self._database.read(stored.all_keys)
        for row in rows:
            self._opened(row)
        if not {"active", "next"} <= {row.state for row in rows}:
            self._database.write(lambda session: self._fill(session, now))
        self.refresh()

    def refresh(self) -> None:
        """Read the keys again; raises `MasterKeyError` when they were sealed with another key."""
        rows = self._database.read(stored.all_keys)
        private = {row.kid: self._opened(row) for row in rows}
        active = next(private[row.kid] for row in rows if row.state == "active")
        jwks = {"keys": [row.public_jwk for row in rows]}
        self._held = _Held(rows, private, active, jwks, PublicKeys(jwks))

    def sign(self, claims: JsonObject, typ: str | None = None) -> str:
        """A JWT of `claims`, signed with the active key."""
        return self._held.active.sign_claims(claims, typ)

    def verify(self, token: str, typ: str | None = None) -> JsonObject:
        """The claims of a token that `sign` made with the same `typ`; raises `BadToken`.

        The claims themselves, expiry among them, are for the caller to check (`check_claims`).
        """
        kind = None if typ is None else typ.lower().removeprefix("application/")
        return verify(token, self._held.public, [ALGORITHM], {kind})

    def jwks(self) -> JsonObject:
        """The public JWK set."""
        return self._held.jwks

    def listing(self) -> Sequence[stored.SigningKey]:
        """The keys with their states, oldest first."""
        return self._held.rows

    def mac(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA-256 of `data` under the key of `purpose`, the same on every replica."""
        key = self._macs.get(purpose)
        if key is None:
            key = self._macs[purpose] = self._master.derive("mac " + purpose)
        return hmac.digest(key, data, "sha256")

    def verify_mac(self, purpose: str, data: bytes, tag: bytes, length: int = 32) -> bool:
        """Whether `tag` is the first `length` bytes of `mac`, in constant time."""
        return hmac.compare_digest(self.mac(purpose, data)[:length], tag)

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Encrypt something secret before it is kept."""
        return self._master.seal(plain, purpose)

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Decrypt what `seal` made; raises `MasterKeyError`."""
        return self._master.unseal(sealed, purpose)

    def conceal(self, token: str) -> str:
        """A signed token as a nested JWE that only this deployment can read."""
        key = self._concealing()
        return encrypt(token, {**key.public_jwk(), "use": "enc", "alg": "ECDH-ES+A256KW"})

    def reveal(self, token: str) -> str:
        """The signed token inside what `conceal` made, not yet verified; raises `BadToken`."""
        return self._concealing().decrypt(token)

    def rotate(self, now: datetime) -> str:
        """Retire the active key, put the next one in its place, make a new next; its `kid`."""
        kid = self._database.write(lambda session: self._rotate(session, now))
        self.refresh()
        return kid

    def tend(self, now: datetime, rotate_every: timedelta | None) -> str | None:
        """Rotate when the active key is old enough and drop what was published long enough.

        Harmless to call often and on every replica at once: whether it is time is decided again
        under the lock of the rotation.

        Returns:
            The new active `kid`, if there was a rotation.
        """
        if not self._due(self._held.rows, now, rotate_every):
            return None
        kid = self._database.write(lambda session: self._tend(session, now, rotate_every))
        self.refresh()
        return kid

    def _concealing(self) -> PrivateKey:
        if self._concealer is None:
            halves = [self._master.derive(f"conceal {half}") for half in (1, 2)]
            self._concealer = PrivateKey.from_seed(b"".join(halves))
        return self._concealer

    def _due(
        self, rows: Sequence[stored.SigningKey], now: datetime, rotate_every: timedelta | None
    ) -> bool:
        over = now - self._publish_retired
        return self._aged(rows, now, rotate_every) or any(
            row.retired_at is not None and row.retired_at < over for row in rows
        )

    def _aged(
        self, rows: Sequence[stored.SigningKey], now: datetime, rotate_every: timedelta | None
    ) -> bool:
        if rotate_every is None:
            return False
        born = [row.activated_at or row.created_at for row in rows if row.state == "active"]
        return any(now - moment >= rotate_every for moment in born)

    def _tend(self, session: Session, now: datetime, rotate_every: timedelta | None) -> str | None:
        rows = stored.lock(session, ALGORITHM)
        if self._aged(rows, now, rotate_every):
            return self._rotate(session, now)
        stored.drop_retired(session, now - self._publish_retired)
        return None

    def _rotate(self, session: Session, now: datetime) -> str:
        self._fill(session, now)
        for row in stored.lock(session, ALGORITHM):
            if row.state == "active":
                stored.set_state(session, row.kid, "active", "retired", now)
            elif row.state == "next":
                following = row.kid
                stored.set_state(session, following, "next", "active", now)
        stored.drop_retired(session, now - self._publish_retired)
        self._add(session, "next", now)
        return following

    def _fill(self, session: Session, now: datetime) -> None:
        states = {row.state for row in stored.lock(session, ALGORITHM)}
        for state in ("active", "next"):
            if state not in states:
                self._add(session, state, now)

    def _add(self, session: Session, state: stored.KeyState, now: datetime) -> None:
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

    def _opened(self, row: stored.SigningKey) -> PrivateKey:
        return PrivateKey.from_bytes(
            self._master.unseal(row.private_sealed, f"signing key {row.kid}")
        )
