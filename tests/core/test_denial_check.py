"""Whether a denial holds: ARAP's Binding Token Integrity as tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pdp.core.binding import binding_hash, bulk_binding_hash
from pdp.core.denial import Accepted, Denial, Recipient, Refused, Submission, denial_from
from pdp.core.denial_check import check_denial, check_reference
from pdp.core.denial_claims import (
    BindingClaims,
    InvalidClaims,
    claims_from_json,
    claims_to_json,
)
from pdp.core.evaluation_id import new_evaluation_id

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


def _check(
    claims: BindingClaims = HASHED,
    denial: Denial = ECHO,
    sent: Submission = SENT,
    now: datetime = NOW,
    us: Recipient = US,
    **more: Any,
) -> Accepted | Refused:
    return check_denial(claims, denial, sent, us, now=now, **more)


def _kind(verdict: Accepted | Refused) -> str:
    return verdict.kind if isinstance(verdict, Refused) else "accepted"


@FORMS
def test_a_denial_that_holds_says_what_it_bound(claims: BindingClaims) -> None:
    assert _check(claims) == Accepted(END, MEMBERS, "manager", "eval_1", PDP, "bt_1")


@pytest.mark.requirement("ARAP-082")
def test_a_token_of_an_issuer_we_do_not_trust_is_refused() -> None:
    verdict = _check(HASHED._replace(issuer="https://evil.example"))
    assert verdict == Refused(
        "invalid_denial_binding", "/denial/binding_token", "is of an issuer that is not trusted"
    )


@pytest.mark.requirement("ARAP-086")
@pytest.mark.parametrize(
    ("audience", "kind"),
    [
        ((ARS,), "accepted"),
        (("https://elsewhere.example", ARS), "accepted"),
        (("https://elsewhere.example",), "invalid_denial_binding"),
        ((), "invalid_denial_binding"),
        ((ARS + "/",), "invalid_denial_binding"),
    ],
)
def test_a_token_is_addressed_to_us(audience: tuple[str, ...], kind: str) -> None:
    assert _kind(_check(HASHED._replace(audience=audience))) == kind


@pytest.mark.parametrize(
    ("caller", "kind"),
    [("pep-1", "accepted"), (None, "accepted"), ("pep-2", "invalid_denial_binding")],
)
def test_a_denial_is_of_use_to_the_caller_it_was_given_to(caller: Any, kind: str) -> None:
    assert _kind(_check(HASHED._replace(caller=caller))) == kind


@pytest.mark.requirement("ARAP-096")
@pytest.mark.requirement("ARAP-097")
@pytest.mark.requirement("ARAP-098")
@FORMS
@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("subject", SUBJECT | {"type": "agent"}),
        ("subject", SUBJECT | {"id": "bob"}),
        ("subject", SUBJECT | {"properties": {"level": 4}}),
        ("subject", SUBJECT | {"properties": {}}),
        ("subject", SUBJECT | {"extra": 1}),
        ("resource", RESOURCE | {"type": "folder"}),
        ("resource", RESOURCE | {"id": "q5"}),
        ("resource", {"type": "document", "id": "q4"}),
        ("resource", RESOURCE | {"properties": {"class": "internal", "more": 1}}),
        ("action", ACTION | {"name": "write"}),
        ("action", {"name": "read"}),
        ("action", ACTION | {"properties": {"mode": "Full"}}),
    ],
)
def test_nothing_of_what_was_bound_may_differ(claims: BindingClaims, part: str, value: Any) -> None:
    changed = {"subject": SUBJECT, **ASKED, part: value}
    asked = {name: changed[name] for name in ("resource", "action")}
    sent = Submission(changed["subject"], asked, CONTEXT)
    assert _kind(_check(claims, sent=sent)) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-077")
@pytest.mark.requirement("ARAP-099")
@FORMS
@pytest.mark.parametrize(
    "context",
    [
        {"tenant": "other", "risk": None},
        {"risk": None},
        {"tenant": "acme"},
        {"tenant": "acme", "risk": 0},
        {"tenant": "acme", "risk": None, "region": "eu"},
        {"tenant": ["acme"], "risk": None},
    ],
)
def test_no_bound_member_of_the_context_may_differ_be_missing_or_be_new(
    claims: BindingClaims, context: dict[str, Any]
) -> None:
    assert _kind(_check(claims, sent=SENT._replace(context=context))) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-078")
@FORMS
def test_members_that_are_not_bound_may_be_anything(claims: BindingClaims) -> None:
    context = {"tenant": "acme", "risk": None, "ticket": 7, "time": "later", "reason": "x"}
    assert _kind(_check(claims, sent=SENT._replace(context=context))) == "accepted"


@pytest.mark.requirement("ARAP-100")
@FORMS
def test_the_actor_may_be_moved_away(claims: BindingClaims) -> None:
    subject = SUBJECT | {"properties": {"level": 3}}
    assert _kind(_check(claims, sent=SENT._replace(subject=subject))) == "accepted"


@pytest.mark.requirement("ARAP-102")
@FORMS
def test_numbers_may_be_spelt_otherwise(claims: BindingClaims) -> None:
    subject = SUBJECT | {"properties": {"level": 3.0}}
    assert _kind(_check(claims, sent=SENT._replace(subject=subject))) == "accepted"


@pytest.mark.requirement("ARAP-039")
def test_without_a_list_no_context_is_compared() -> None:
    bound = binding_hash(SUBJECT, RESOURCE, ACTION, {}, ())
    claims = HASHED._replace(members=None, binding_hash=bound)
    assert _kind(_check(claims, sent=SENT._replace(context={"tenant": "x"}))) == "accepted"
    inline = INLINE._replace(members=None)
    assert _kind(_check(inline, sent=SENT._replace(context={"tenant": "x"}))) == "accepted"


@pytest.mark.requirement("ARAP-104")
def test_a_list_that_the_pep_supplies_is_nothing_but_a_member() -> None:
    context = {"tenant": "other", "binding_context_members": []}
    verdict = _check(sent=SENT._replace(context=context))
    assert _kind(verdict) == "invalid_denial_binding"


def test_a_token_that_names_no_request_binds_nothing() -> None:
    assert _kind(_check(HASHED._replace(binding_hash=None))) == "invalid_denial_binding"


def test_a_submission_without_canonical_form_is_refused_with_its_place() -> None:
    sent = SENT._replace(context={"tenant": 2**60})
    verdict = _check(sent=sent)
    assert isinstance(verdict, Refused)
    assert (verdict.kind, verdict.pointer) == ("invalid_denial_binding", "/context/tenant")


ITEMS = [
    {"resource": RESOURCE, "action": ACTION},
    {"resource": {"type": "channel", "id": "eng"}, "action": {"name": "post"}},
]
BUNDLE_HASH = HASHED._replace(binding_hash=bulk_binding_hash(SUBJECT, ITEMS, CONTEXT, MEMBERS))
BUNDLE_INLINE = INLINE._replace(inline={"subject": SUBJECT, "items": ITEMS, "context": CONTEXT})
BUNDLES = pytest.mark.parametrize("claims", [BUNDLE_HASH, BUNDLE_INLINE], ids=["hash", "inline"])


@pytest.mark.requirement("ARAP-105")
@BUNDLES
@pytest.mark.parametrize(
    ("items", "kind"),
    [
        (ITEMS, "accepted"),
        ([item | {"requested_access": {"role": "x"}} for item in ITEMS], "accepted"),
        ([*reversed(ITEMS)], "invalid_denial_binding"),
        (ITEMS[:1], "invalid_denial_binding"),
        ([*ITEMS, ITEMS[0]], "invalid_denial_binding"),
        ([ITEMS[0], ITEMS[1] | {"action": {"name": "delete"}}], "invalid_denial_binding"),
    ],
)
def test_a_bundle_is_bound_in_its_order(claims: BindingClaims, items: Any, kind: str) -> None:
    sent = Submission(SUBJECT, {"items": items}, CONTEXT)
    assert _kind(_check(claims, sent=sent)) == kind


@pytest.mark.requirement("ARAP-076")
@FORMS
def test_the_denial_of_one_thing_covers_no_bundle(claims: BindingClaims) -> None:
    sent = Submission(SUBJECT, {"items": ITEMS[:1]}, CONTEXT)
    assert _kind(_check(claims, sent=sent)) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-076")
@BUNDLES
def test_the_denial_of_a_bundle_covers_no_single_thing(claims: BindingClaims) -> None:
    assert _kind(_check(claims)) == "invalid_denial_binding"


def test_a_token_that_names_a_bundle_and_a_single_thing_covers_no_single_thing() -> None:
    both = INLINE._replace(inline={**(INLINE.inline or {}), "items": ITEMS})
    assert _kind(_check(both)) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-115")
def test_an_id_beside_the_token_is_the_one_in_it() -> None:
    assert _kind(_check(denial=ECHO._replace(evaluation_id="eval_2"))) == "invalid_denial_binding"
    assert _kind(_check(denial=ECHO._replace(evaluation_id=None))) == "accepted"
    assert _kind(_check(HASHED._replace(evaluation_id=None))) == "accepted"


def test_a_template_beside_the_token_is_the_one_in_it() -> None:
    verdict = _check(denial=ECHO._replace(template="auto"))
    assert isinstance(verdict, Refused)
    assert (verdict.kind, verdict.pointer) == ("invalid_denial_binding", "/denial/template")


LATE = NOW + 20 * MINUTE
SKEW = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("exp", "protected", "echoed", "now", "kind"),
    [
        pytest.param(END, END, END, NOW, "accepted", id="all agree"),
        pytest.param(
            END,
            END,
            END,
            LATE,
            "expired_denial",
            marks=pytest.mark.requirement("ARAP-087"),
            id="87",
        ),
        pytest.param(
            NOW + MINUTE,
            END,
            END,
            NOW + 2 * MINUTE,
            "expired_denial",
            marks=pytest.mark.requirement("ARAP-088"),
            id="88",
        ),
        pytest.param(
            LATE + MINUTE,
            END,
            END,
            LATE,
            "expired_denial",
            marks=pytest.mark.requirement("ARAP-089"),
            id="89",
        ),
        pytest.param(
            END,
            END,
            END + MINUTE,
            NOW,
            "invalid_denial_binding",
            marks=pytest.mark.requirement("ARAP-090"),
            id="90 later",
        ),
        pytest.param(
            END,
            END,
            END - MINUTE,
            NOW,
            "invalid_denial_binding",
            marks=pytest.mark.requirement("ARAP-090"),
            id="90 earlier",
        ),
        pytest.param(
            END,
            None,
            END,
            NOW,
            "accepted",
            marks=pytest.mark.requirement("ARAP-091"),
            id="91 equal",
        ),
        pytest.param(
            NOW + MINUTE,
            None,
            END,
            NOW,
            "accepted",
            marks=pytest.mark.requirement("ARAP-091"),
            id="91 sooner",
        ),
        pytest.param(
            NOW + MINUTE,
            None,
            END,
            NOW + 2 * MINUTE,
            "expired_denial",
            marks=pytest.mark.requirement("ARAP-091"),
            id="91 over",
        ),
        pytest.param(
            END + MINUTE,
            None,
            END,
            NOW,
            "invalid_denial_binding",
            marks=pytest.mark.requirement("ARAP-092"),
            id="92",
        ),
        pytest.param(
            None,
            None,
            END,
            NOW,
            "invalid_denial_binding",
            marks=pytest.mark.requirement("ARAP-093"),
            id="93",
        ),
        pytest.param(None, END, END, NOW, "accepted", id="protected alone"),
        pytest.param(
            END,
            END,
            END,
            END + SKEW,
            "accepted",
            marks=pytest.mark.requirement("ARAP-109"),
            id="109 within",
        ),
        pytest.param(
            END,
            END,
            END,
            END + SKEW + timedelta(milliseconds=1),
            "expired_denial",
            marks=pytest.mark.requirement("ARAP-109"),
            id="109 beyond",
        ),
    ],
)
def test_the_freshness_table(
    exp: datetime | None, protected: datetime | None, echoed: datetime, now: datetime, kind: str
) -> None:
    claims = HASHED._replace(expires_at=exp, denial_expires_at=protected)
    assert _kind(_check(claims, ECHO._replace(expires_at=echoed), now=now)) == kind


@pytest.mark.requirement("ARAP-108")
def test_the_tolerance_can_be_set() -> None:
    just_after = END + timedelta(seconds=1)
    assert _kind(_check(now=just_after, skew=timedelta(0))) == "expired_denial"


def test_faults_of_the_binding_come_before_expiry() -> None:
    other = SENT._replace(subject={"type": "user", "id": "bob"})
    assert _kind(_check(sent=other, now=LATE)) == "invalid_denial_binding"


def test_a_token_that_is_not_valid_yet_is_refused() -> None:
    early = HASHED._replace(not_before=NOW + 2 * MINUTE)
    assert _kind(_check(early)) == "invalid_denial_binding"
    assert _kind(_check(early, now=NOW + 2 * MINUTE - SKEW)) == "accepted"


REFERENCE = new_evaluation_id(NOW, b"r" * 10).offering(END, "manager", MEMBERS).proven(b"m" * 16)
BY_ID = Denial(END, str(REFERENCE))


@pytest.mark.parametrize(
    ("denial", "proven", "now", "kind"),
    [
        pytest.param(BY_ID, True, NOW, "accepted", id="fresh"),
        pytest.param(
            BY_ID,
            False,
            NOW,
            "invalid_denial_binding",
            marks=pytest.mark.requirement("ARAP-112"),
            id="112",
        ),
        pytest.param(BY_ID, False, LATE, "invalid_denial_binding", id="unbound before expired"),
        pytest.param(
            BY_ID._replace(expires_at=LATE + MINUTE),
            True,
            LATE,
            "expired_denial",
            marks=pytest.mark.requirement("ARAP-113"),
            id="113",
        ),
        pytest.param(
            BY_ID._replace(expires_at=NOW),
            True,
            NOW + 2 * MINUTE,
            "accepted",
            marks=pytest.mark.requirement("ARAP-114"),
            id="114",
        ),
        pytest.param(
            BY_ID._replace(template="auto"), True, NOW, "invalid_denial_binding", id="template"
        ),
    ],
)
def test_by_id_alone_what_the_id_carries_decides(
    denial: Denial, proven: bool, now: datetime, kind: str
) -> None:
    assert _kind(check_reference(REFERENCE, denial, proven=proven, now=now)) == kind


def test_an_accepted_id_says_what_it_bound() -> None:
    verdict = check_reference(REFERENCE, BY_ID, proven=True, now=NOW)
    assert verdict == Accepted(END, MEMBERS, "manager", str(REFERENCE))


@pytest.mark.requirement("ARAP-111")
def test_an_unknown_id_binds_nothing() -> None:
    assert _kind(check_reference(None, BY_ID, proven=False, now=NOW)) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-081")
def test_the_id_of_what_was_no_requestable_denial_is_not_requestable() -> None:
    plain = new_evaluation_id(NOW, b"r" * 10)
    assert _kind(check_reference(plain, BY_ID, proven=False, now=NOW)) == "not_requestable"


GOOD = {"expires_at": "2026-04-30T20:25:00Z", "evaluation_id": "eval_1", "binding_token": "a.b.c"}


def test_the_denial_object_is_read() -> None:
    whole = GOOD | {"template": "t", "reason": "r", "evaluated_at": "2026-04-30T20:15:00Z", "x": 1}
    assert denial_from(whole) == Denial(END, "eval_1", "a.b.c", "t", "r", NOW)


@pytest.mark.requirement("ARAP-071")
@pytest.mark.requirement("ARAP-072")
@pytest.mark.requirement("ARAP-073")
@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (None, "/denial"),
        ([], "/denial"),
        ({}, "/denial"),
        ({"expires_at": GOOD["expires_at"]}, "/denial"),
        ({"evaluation_id": "e"}, "/denial/expires_at"),
        (GOOD | {"expires_at": "tomorrow"}, "/denial/expires_at"),
        (GOOD | {"expires_at": 7}, "/denial/expires_at"),
        (GOOD | {"evaluation_id": 7}, "/denial/evaluation_id"),
        (GOOD | {"binding_token": ""}, "/denial/binding_token"),
        (GOOD | {"evaluated_at": "x"}, "/denial/evaluated_at"),
    ],
)
def test_a_denial_that_lacks_something_binds_nothing(value: Any, pointer: str) -> None:
    verdict = denial_from(value)
    assert isinstance(verdict, Refused)
    assert (verdict.kind, verdict.pointer) == ("invalid_denial_binding", pointer)


@pytest.mark.requirement("ARAP-074")
def test_the_denial_of_an_item_is_named_by_its_place() -> None:
    verdict = denial_from({}, "/items/3/denial")
    assert isinstance(verdict, Refused)
    assert verdict.pointer == "/items/3/denial"


@pytest.mark.requirement("ARAP-040")
@pytest.mark.requirement("ARAP-042")
@pytest.mark.requirement("ARAP-044")
@pytest.mark.requirement("ARAP-045")
def test_the_claims_are_written_as_the_profile_names_them() -> None:
    payload = claims_to_json(HASHED._replace(members=()))
    assert payload == {
        "iss": PDP,
        "aud": ARS,
        "iat": 1777580100,
        "exp": 1777580700,
        "jti": "bt_1",
        "evaluation_id": "eval_1",
        "denial_expires_at": "2026-04-30T20:25:00Z",
        "binding_context_members": [],
        "binding_hash": HASHED.binding_hash,
        "template": "manager",
        "caller": "pep-1",
    }


@pytest.mark.parametrize(
    "claims",
    [
        HASHED,
        INLINE,
        BUNDLE_INLINE,
        HASHED._replace(audience=(ARS, PDP)),
        BindingClaims("i", ("a",)),
    ],
)
def test_claims_come_back_as_they_were(claims: BindingClaims) -> None:
    assert claims_from_json(claims_to_json(claims)) == claims


@pytest.mark.requirement("ARAP-051")
def test_claims_that_are_not_known_are_left_aside() -> None:
    payload = claims_to_json(HASHED) | {"txn": "t", "policy_version": 7}
    assert claims_from_json(payload) == HASHED


@pytest.mark.requirement("ARAP-085")
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": None},
        {"aud": []},
        {"aud": 7},
        {"aud": [7]},
        {"iss": None},
        {"iss": 7},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"denial_expires_at": "soon"},
        {"denial_expires_at": 7},
        {"binding_context_members": "tenant"},
        {"binding_context_members": [1]},
        {"binding_hash": 7},
        {"jti": 7},
    ],
)
def test_claims_of_another_type_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidClaims):
        claims_from_json(claims_to_json(HASHED) | changed)
