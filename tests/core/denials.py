"""A denial that holds, in both forms, and how it is checked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pdp.core.binding import binding_hash, bulk_binding_hash
from pdp.core.denial import Accepted, Denial, Recipient, Refused, Submission
from pdp.core.denial_check import check_denial
from pdp.core.denial_claims import BindingClaims

NOW = datetime(2026, 4, 30, 20, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
END = NOW + 10 * MINUTE
PDP, ARS = "https://pdp.example", "https://pdp.example/access/v1/requests"
US = Recipient({PDP, "https://other.example"}, {ARS}, "pep-1")

SUBJECT = {"type": "user", "id": "alice", "properties": {"level": 3, "act": {"sub": "agent-7"}}}
RESOURCE = {"type": "document", "id": "q4", "properties": {"class": "internal"}}
ACTION = {"name": "read", "properties": {"mode": "full"}}
CONTEXT = {"tenant": "acme", "risk": None, "justification": "renewal"}
MEMBERS = ("tenant", "risk", "region")
ASKED = {"resource": RESOURCE, "action": ACTION}
SENT = Submission(SUBJECT, ASKED, CONTEXT)
HASHED = BindingClaims(
    issuer=PDP,
    audience=(ARS,),
    issued_at=NOW,
    expires_at=END,
    token_id="bt_1",
    evaluation_id="eval_1",
    denial_expires_at=END,
    members=MEMBERS,
    binding_hash=binding_hash(SUBJECT, RESOURCE, ACTION, CONTEXT, MEMBERS),
    template="manager",
    caller="pep-1",
)
INLINE = HASHED._replace(
    binding_hash=None, inline={"subject": SUBJECT, **ASKED, "context": CONTEXT}
)
ECHO = Denial(END, "eval_1", "token", "manager")
FORMS = pytest.mark.parametrize("claims", [HASHED, INLINE], ids=["hash", "inline"])


def check(
    claims: BindingClaims = HASHED,
    denial: Denial = ECHO,
    sent: Submission = SENT,
    now: datetime = NOW,
    us: Recipient = US,
    **more: Any,
) -> Accepted | Refused:
    """Check the denial that holds, save for what is changed."""
    return check_denial(claims, denial, sent, us, now=now, **more)


def kind_of(verdict: Accepted | Refused) -> str:
    """The kind of a refusal, or `accepted`."""
    return verdict.kind if isinstance(verdict, Refused) else "accepted"


ITEMS = [
    {"resource": RESOURCE, "action": ACTION},
    {"resource": {"type": "channel", "id": "eng"}, "action": {"name": "post"}},
]
BUNDLE_HASH = HASHED._replace(binding_hash=bulk_binding_hash(SUBJECT, ITEMS, CONTEXT, MEMBERS))
BUNDLE_INLINE = INLINE._replace(inline={"subject": SUBJECT, "items": ITEMS, "context": CONTEXT})
BUNDLES = pytest.mark.parametrize("claims", [BUNDLE_HASH, BUNDLE_INLINE], ids=["hash", "inline"])
