"""Whether a denial is for this very request: ARAP's Binding Token Integrity."""

from typing import Any

import pytest

from pdp.core.binding import binding_hash
from pdp.core.denial import Accepted, Refused, Submission
from pdp.core.denial_claims import BindingClaims
from tests.core.denials import (
    ACTION,
    ARS,
    ASKED,
    BUNDLES,
    CONTEXT,
    ECHO,
    END,
    FORMS,
    HASHED,
    INLINE,
    ITEMS,
    MEMBERS,
    PDP,
    RESOURCE,
    SENT,
    SUBJECT,
    check,
    kind_of,
)


@FORMS
def test_a_denial_that_holds_says_what_it_bound(claims: BindingClaims) -> None:
    assert check(claims) == Accepted(END, MEMBERS, "manager", "eval_1", PDP, "bt_1")


@pytest.mark.requirement("ARAP-082")
def test_a_token_of_an_issuer_we_do_not_trust_is_refused() -> None:
    verdict = check(HASHED._replace(issuer="https://evil.example"))
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
    assert kind_of(check(HASHED._replace(audience=audience))) == kind


@pytest.mark.parametrize(
    ("caller", "kind"),
    [("pep-1", "accepted"), (None, "accepted"), ("pep-2", "invalid_denial_binding")],
)
def test_a_denial_is_of_use_to_the_caller_it_was_given_to(caller: Any, kind: str) -> None:
    assert kind_of(check(HASHED._replace(caller=caller))) == kind


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
    assert kind_of(check(claims, sent=sent)) == "invalid_denial_binding"


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
    assert kind_of(check(claims, sent=SENT._replace(context=context))) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-078")
@FORMS
def test_members_that_are_not_bound_may_be_anything(claims: BindingClaims) -> None:
    context = {"tenant": "acme", "risk": None, "ticket": 7, "time": "later", "reason": "x"}
    assert kind_of(check(claims, sent=SENT._replace(context=context))) == "accepted"


@pytest.mark.requirement("ARAP-100")
@FORMS
def test_the_actor_may_be_moved_away(claims: BindingClaims) -> None:
    subject = SUBJECT | {"properties": {"level": 3}}
    assert kind_of(check(claims, sent=SENT._replace(subject=subject))) == "accepted"


@pytest.mark.requirement("ARAP-102")
@FORMS
def test_numbers_may_be_spelt_otherwise(claims: BindingClaims) -> None:
    subject = SUBJECT | {"properties": {"level": 3.0}}
    assert kind_of(check(claims, sent=SENT._replace(subject=subject))) == "accepted"


@pytest.mark.requirement("ARAP-039")
def test_without_a_list_no_context_is_compared() -> None:
    bound = binding_hash(SUBJECT, RESOURCE, ACTION, {}, ())
    claims = HASHED._replace(members=None, binding_hash=bound)
    assert kind_of(check(claims, sent=SENT._replace(context={"tenant": "x"}))) == "accepted"
    inline = INLINE._replace(members=None)
    assert kind_of(check(inline, sent=SENT._replace(context={"tenant": "x"}))) == "accepted"


@pytest.mark.requirement("ARAP-104")
def test_a_list_that_the_pep_supplies_is_nothing_but_a_member() -> None:
    context = {"tenant": "other", "binding_context_members": []}
    verdict = check(sent=SENT._replace(context=context))
    assert kind_of(verdict) == "invalid_denial_binding"


def test_a_token_that_names_no_request_binds_nothing() -> None:
    assert kind_of(check(HASHED._replace(binding_hash=None))) == "invalid_denial_binding"


def test_a_submission_without_canonical_form_is_refused_with_its_place() -> None:
    sent = SENT._replace(context={"tenant": 2**60})
    verdict = check(sent=sent)
    assert isinstance(verdict, Refused)
    assert (verdict.kind, verdict.pointer) == ("invalid_denial_binding", "/context/tenant")


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
    assert kind_of(check(claims, sent=sent)) == kind


@pytest.mark.requirement("ARAP-076")
@FORMS
def test_the_denial_of_one_thing_covers_no_bundle(claims: BindingClaims) -> None:
    sent = Submission(SUBJECT, {"items": ITEMS[:1]}, CONTEXT)
    assert kind_of(check(claims, sent=sent)) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-076")
@BUNDLES
def test_the_denial_of_a_bundle_covers_no_single_thing(claims: BindingClaims) -> None:
    assert kind_of(check(claims)) == "invalid_denial_binding"


def test_a_token_that_names_a_bundle_and_a_single_thing_covers_no_single_thing() -> None:
    both = INLINE._replace(inline={**(INLINE.inline or {}), "items": ITEMS})
    assert kind_of(check(both)) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-115")
def test_an_id_beside_the_token_is_the_one_in_it() -> None:
    assert kind_of(check(denial=ECHO._replace(evaluation_id="eval_2"))) == "invalid_denial_binding"
    assert kind_of(check(denial=ECHO._replace(evaluation_id=None))) == "accepted"
    assert kind_of(check(HASHED._replace(evaluation_id=None))) == "accepted"


def test_a_template_beside_the_token_is_the_one_in_it() -> None:
    verdict = check(denial=ECHO._replace(template="auto"))
    assert isinstance(verdict, Refused)
    assert (verdict.kind, verdict.pointer) == ("invalid_denial_binding", "/denial/template")
