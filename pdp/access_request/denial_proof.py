"""Whether a denial was given here, or by a PDP that is trusted, for this very request (ARAP)."""

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from pdp.core.binding import binding_hashes
from pdp.core.denial import SKEW, Accepted, Denial, Recipient, Refused, Submission
from pdp.core.denial_check import check_denial, check_reference
from pdp.core.denial_claims import InvalidClaims, claims_from_json
from pdp.core.evaluation_id import MAC_BYTES, EvaluationId, parse_evaluation_id, proof_bytes
from pdp.core.jcs import NotCanonical
from pdp.core.values import JsonObject
from pdp.trust.claims import BadToken

EVALUATION_ID_MAC = "evaluation-id"


class Opener(Protocol):
    """What of the key ring is needed to read a denial."""

    def mac(self, purpose: str, data: bytes) -> bytes:
        """A keyed MAC."""

    def reveal(self, token: str) -> str:
        """The signed token inside one that was concealed; raises `BadToken`."""


Verify = Callable[[str], JsonObject]
"""The claims of a token signed by the PDP in question; raises `BadToken`."""


class DenialProof(NamedTuple):
    """Checks denials.

    Attributes:
        identifier: of this PDP.
        endpoint: the Access Request Endpoint, which tokens are addressed to.
        opener: this deployment's keys.
        issuers: how to verify the tokens of each PDP whose denials are taken, by its identifier.
        unverified_issuer: who a token says it is from.
        skew: by how much the clocks of two hosts may differ.
    """

    identifier: str
    endpoint: str
    opener: Opener
    issuers: Mapping[str, Verify]
    unverified_issuer: Callable[[str], str | None]
    skew: timedelta = SKEW

    def check(
        self, denial: Denial, submission: Submission, caller: str, now: datetime, at: str
    ) -> Accepted | Refused:
        """Check one denial; a token decides where there is one, else the `evaluation_id`."""
        if denial.binding_token is None:
            return self._by_reference(denial, submission, caller, now, at)
        place = f"{at}/binding_token"
        token = denial.binding_token
        try:
            if token.count(".") == 4:
                token = self.opener.reveal(token)
            verify = self.issuers.get(self.unverified_issuer(token) or "")
            if verify is None:
                return Refused("invalid_denial_binding", place, "is of an issuer not trusted here")
            claims = claims_from_json(verify(token))
        except (BadToken, InvalidClaims) as error:
            return Refused("invalid_denial_binding", place, str(error))
        recipient = Recipient(self.issuers.keys(), (self.endpoint,), caller)
        return check_denial(claims, denial, submission, recipient, now=now, skew=self.skew, at=at)

    def _by_reference(
        self, denial: Denial, submission: Submission, caller: str, now: datetime, at: str
    ) -> Accepted | Refused:
        reference = parse_evaluation_id(denial.evaluation_id or "")
        proven = False
        if reference is not None and reference.expires_at is not None:
            try:
                proven = self._proven(reference, submission, caller)
            except NotCanonical as error:
                return Refused("invalid_denial_binding", error.at, str(error))
        return check_reference(reference, denial, proven=proven, now=now, skew=self.skew, at=at)

    def _proven(self, reference: EvaluationId, submission: Submission, caller: str) -> bool:
        hashes = binding_hashes(*submission, reference.members)
        macs = [
            self.opener.mac(EVALUATION_ID_MAC, proof_bytes(reference, bound, caller))[:MAC_BYTES]
            for bound in hashes
        ]
        fits = [hmac.compare_digest(mac, reference.mac) for mac in macs]
        return any(fits)
