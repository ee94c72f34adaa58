"""Telling others: one signed POST, and what its answer means for the job.

2xx alone is success, a redirection is a failure, 410 means that nobody is there any more. What the
other side answers is never kept nor shown.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import orjson

from pdp import __version__
from pdp.background.breaker import Breaker
from pdp.background.credentials import Bearer, Credential, Hmac, Macs, Mtls
from pdp.background.jobs import GiveUp, Retry
from pdp.core.values import JsonObject
from pdp.store.outbox import Job
from pdp.trust.webhook_signature import signed_headers

SIGNATURE_TYPE = "delivery+jwt"
"""The `typ` of the JWS in the header `pdp-signature`."""
_GOOD_FOR = timedelta(minutes=5)


class Answer(NamedTuple):
    """The part of an answer that is looked at; `retry_after` as the other side asked."""

    status: int
    retry_after: timedelta | None = None


class NotDelivered(Exception):
    """No answer came, or the destination is one that must not be called; the text says which."""


class Poster(Protocol):
    """Posts to others: the address checked and pinned at each call, no redirects, bounded."""

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], certificate: Mtls | None
    ) -> Answer:
        """Send and give the answer; raises `NotDelivered`."""


class Signer(Macs, Protocol):
    """Signs with the published key of this deployment."""

    def sign(self, claims: JsonObject, typ: str | None = None) -> str:
        """A compact JWS of the claims."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent where; `message_id` is the same at each attempt."""

    message_id: str
    url: str
    body: JsonObject
    credential: Credential


class Gone(GiveUp):
    """The other side answered 410: it wants nothing more."""


class Deliverer:
    """Sends parcels.

    Every one is signed twice: as the receiver is configured to check it (HMAC in the Standard
    Webhooks headers, a bearer token, or a client certificate), and with the published key, in the
    header `pdp-signature`: a JWS whose claims name the sender (`iss`), the destination (`aud`), the
    message (`jti`), its time and the SHA-256 of its body.

    Args:
        poster: reaches out.
        signer: the key ring.
        issuer: this server's identifier, its base URL.
    """

    def __init__(self, poster: Poster, signer: Signer, issuer: str) -> None:
        self._poster = poster
        self._signer = signer
        self._issuer = issuer
        self._breaker = Breaker()

    def message_id(self, job: Job) -> str:
        """The id of a job's message: the same at each attempt, and in no other deployment."""
        digest = self._signer.mac("message id", f"{job.kind} {job.seq}".encode())
        return "msg_" + digest[:16].hex()

    def send(self, parcel: Parcel, now: datetime) -> None:
        """Send once.

        Raises:
            Gone: the other side answered 410.
            Retry: it was not taken, and may be later.
        """
        answer = self._post(parcel, now)
        if 200 <= answer.status < 300:
            return
        if answer.status == 410:
            raise Gone("the endpoint answered 410")
        raise Retry(f"the endpoint answered {answer.status}", after=answer.retry_after)

    def _post(self, parcel: Parcel, now: datetime) -> Answer:
        host = urlsplit(parcel.url).netloc
        if not self._breaker.allows(host, now):
            raise Retry("not tried: the host did not answer others a moment ago")
        body = orjson.dumps(parcel.body)
        headers = self._headers(parcel, body, now)
        certificate = parcel.credential if isinstance(parcel.credential, Mtls) else None
        try:
            answer = self._poster.post(parcel.url, body, headers, certificate)
        except NotDelivered as fault:
            self._breaker.silent(host, now)
            raise Retry(f"not delivered: {fault}") from None
        self._breaker.answered(host)
        return answer

    def _headers(self, parcel: Parcel, body: bytes, now: datetime) -> dict[str, str]:
        credential = parcel.credential
        secrets = credential.secrets if isinstance(credential, Hmac) else ()
        headers = {
            "content-type": "application/json",
            "user-agent": f"authzen-pdp/{__version__}",
            "pdp-signature": self._signer.sign(self._claims(parcel, body, now), SIGNATURE_TYPE),
            **signed_headers(secrets, parcel.message_id, now, body),
        }
        if isinstance(credential, Bearer):
            headers["authorization"] = f"Bearer {credential.token}"
        return headers

    def _claims(self, parcel: Parcel, body: bytes, now: datetime) -> JsonObject:
        return {
            "iss": self._issuer,
            "aud": parcel.url,
            "jti": parcel.message_id,
            "iat": int(now.timestamp()),
            "exp": int((now + _GOOD_FOR).timestamp()),
            "body_sha256": body_digest(body),
        }


def body_digest(body: bytes) -> str:
    """The SHA-256 of a body, in base64url without padding."""
    digest = hashlib.sha256(body).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
