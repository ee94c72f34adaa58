"""Signed heads of the audit: made every hour and on demand, checked when the chain is verified.

A head that is kept elsewhere proves that the chain had reached it: whoever cuts the chain short or
makes it anew cannot make that head fit.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from pdp.background.jobs import Handler
from pdp.background.periodic import Periodic
from pdp.core.moment import parse_moment
from pdp.core.values import JsonObject
from pdp.store import audit, audit_chain
from pdp.store.audit_chain import AuditHead, Verdict
from pdp.store.engine import Database, Session
from pdp.store.outbox import Job
from pdp.trust.compact import header_of

HEAD_TYPE = "audit-head+jwt"
SIGNING = Periodic("audit_head", timedelta(hours=1))
_KEY_GONE = "the key is gone"
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class InvalidHead(ValueError):
    """A document that is no head; the text says why."""


class HeadSigner(Protocol):
    """Signs and verifies with the published keys of this deployment."""

    def sign(self, claims: JsonObject, typ: str | None = None) -> str:
        """A compact JWS of the claims."""

    def verify(self, token: str, typ: str | None = None) -> JsonObject:
        """The claims of a JWS made by `sign`; raises `ValueError`."""

    def jwks(self) -> JsonObject:
        """The keys that are published."""


class Checked(NamedTuple):
    """What `check` found: the verdict on the chain, and signed heads whose key is gone."""

    verdict: Verdict
    unverifiable: int


def sign_head(
    database: Database, signer: HeadSigner, issuer: str, now: datetime
) -> AuditHead | None:
    """Sign the chain's present end and keep the head; None while the audit is empty."""
    end = database.read(audit.head)
    if end.seq == 0:
        return None
    claims = {"iss": issuer, "iat": int(now.timestamp()), "seq": end.seq, "hash": end.hash}
    signed = AuditHead(seq=end.seq, hash=end.hash, at=now, signature=signer.sign(claims, HEAD_TYPE))
    database.write(lambda session: audit_chain.sign(session, signed))
    return signed


def head_handler(
    database: Database, signer: HeadSigner, issuer: str, hand_over: Callable[[AuditHead], object]
) -> Handler:
    """The handler that signs the head every hour, and hands it to `hand_over`, to be kept elsewhere."""

    def run(job: Job, now: datetime) -> None:
        last = database.read(audit_chain.last_signed)
        end = database.read(audit.head)
        if last is not None and last.seq == end.seq:
            return
        signed = sign_head(database, signer, issuer, now)
        if signed is not None:
            hand_over(signed)

    return Handler(run)


def head_document(signed: AuditHead) -> JsonObject:
    """A head as it is kept elsewhere."""
    return {
        "seq": signed.seq,
        "hash": signed.hash,
        "at": audit.stamp(signed.at),
        "signature": signed.signature,
    }


def head_from_document(body: object) -> AuditHead:
    """Read what `head_document` wrote; raises `InvalidHead`."""
    if not isinstance(body, dict):
        raise InvalidHead("a head is a JSON object")
    seq, digest, at, signature = (body.get(name) for name in ("seq", "hash", "at", "signature"))
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 1:
        raise InvalidHead("`seq` must be a whole number from 1")
    if not isinstance(digest, str) or not _DIGEST.match(digest):
        raise InvalidHead("`hash` must be a SHA-256 in hex")
    if not isinstance(at, str) or not isinstance(signature, str):
        raise InvalidHead("`at` and `signature` must be strings")
    try:
        moment = parse_moment(at)
    except ValueError as error:
        raise InvalidHead(f"`at`: {error}") from None
    return AuditHead(seq=seq, hash=digest, at=moment, signature=signature)


def check(database: Database, signer: HeadSigner, kept: AuditHead | None = None) -> Checked:
    """Walk the whole chain; hold it against the newest signed head and one kept elsewhere.

    A chain that is sound may still come with heads whose key is no longer published: their
    signature cannot be verified any more, their hash is compared all the same.
    """

    def work(session: Session) -> tuple[Verdict, AuditHead | None]:
        return audit_chain.verify(session, kept), audit_chain.last_signed(session)

    verdict, newest = database.read(work)
    unverifiable = 0
    for head in (kept, newest):
        if head is None or verdict.fault is not None:
            continue
        fault = _signature_fault(head, signer)
        if fault == _KEY_GONE:
            unverifiable += 1
        elif fault is not None:
            verdict = verdict._replace(fault=fault, fault_seq=head.seq)
    return Checked(verdict, unverifiable)


def _signature_fault(head: AuditHead, signer: HeadSigner) -> str | None:
    try:
        kid = header_of(head.signature, 3).get("kid")
        if all(key.get("kid") != kid for key in signer.jwks()["keys"]):
            return _KEY_GONE
        claims = signer.verify(head.signature, HEAD_TYPE)
    except ValueError:
        return "the signature of the signed head is not good"
    if (claims.get("seq"), claims.get("hash")) != (head.seq, head.hash):
        return "the signature of the signed head is of another head"
    return None
