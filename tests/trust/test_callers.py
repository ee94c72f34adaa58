"""Callers: roles and what they include, subjects they may act for, callbacks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.errors import Problem
from pdp.trust.callers import ROLES, Caller, roles_with_included
from pdp.trust.subjects import is_pattern, literal, subjects


def caller(*roles: str, **more: Any) -> Caller:
    return Caller("c", roles_with_included(roles), **more)


@pytest.mark.parametrize(
    ("role", "included"),
    [
        ("pep", {"pep"}),
        ("as", {"as", "pep"}),
        ("approver_proxy", {"approver_proxy"}),
        ("auditor", {"auditor"}),
        ("admin", set(ROLES)),
        ("unknown", set[str]()),
    ],
)
def test_a_role_brings_what_it_includes_and_no_more(role: str, included: set[str]) -> None:
    held = caller(role)
    assert held.roles == included
    for each in ROLES:
        if each in included:
            held.require(each)
            held.require_any("unknown", each)
        else:
            with pytest.raises(Problem):
                held.require(each)


@pytest.mark.requirement("ARAP-053")
def test_a_caller_without_the_role_is_told_by_the_bearer_challenge() -> None:
    with pytest.raises(Problem) as fault:
        caller("pep").require_any("admin", "auditor")
    assert fault.value.status == 403
    assert fault.value.detail == "this needs the role admin or auditor"
    challenge = fault.value.headers["WWW-Authenticate"]
    assert challenge == 'Bearer realm="authzen-pdp", error="insufficient_scope"'


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("*", ("User", "alice"), True),
        ("User::*", ("User", "alice"), True),
        ("User::*", ("Group", "alice"), False),
        ("User::*", ("App::User", "alice"), False),
        ("App::User::*", ("App::User", "alice"), True),
        ("App::User::*", ("App", "User::x"), False),
        ("User::alice@example.com", ("User", "alice@example.com"), True),
        ("User::alice", ("User", "Alice"), False),
        ("User::alice", ("User", "alice "), False),
        ("App::User::alice", ("App::User", "alice"), True),
        ("App::User::alice", ("App", "User::alice"), False),
        ('App::"User::alice"', ("App", "User::alice"), True),
        ('App::"User::alice"', ("App::User", "alice"), False),
        ('User::"*"', ("User", "*"), True),
        ('User::"*"', ("User", "alice"), False),
        ('User::"a\\"b"', ("User", 'a"b'), True),
        ("User::", ("User", ""), False),
        ("::alice", ("", "alice"), False),
        ("", ("User", "alice"), False),
        ("**", ("User", "alice"), False),
        ("*::alice", ("User", "alice"), False),
    ],
)
def test_patterns_of_subjects(pattern: str, subject: tuple[str, str], expected: bool) -> None:
    assert caller("pep", acts_for=(pattern,)).may_act_for(subject) is expected


TYPES = st.from_regex(r"[A-Z][a-z]{0,3}(::[A-Z][a-z]{0,3}){0,2}", fullmatch=True)
UIDS = st.tuples(TYPES, st.text(max_size=8))


@given(UIDS, UIDS)
def test_a_literal_stands_for_exactly_one_subject(one: Any, other: Any) -> None:
    assert is_pattern(literal(one))
    found = subjects((literal(one),))
    assert found.include(one)
    assert found.include(other) is (one == other)


def test_nobody_is_meant_without_patterns() -> None:
    assert not caller("pep", acts_for=()).may_act_for(("User", "alice"))


@pytest.mark.requirement("ARAP-209")
@pytest.mark.parametrize(
    ("registered", "url", "expected"),
    [
        ("https://pep.example/cb", "https://pep.example/cb", True),
        ("https://pep.example/cb", "https://pep.example/cb/", False),
        ("https://pep.example/cb", "https://pep.example/cb?x=1", False),
        ("https://pep.example/cb/*", "https://pep.example/cb/1", True),
        ("https://pep.example/cb/*", "https://pep.example/cb", False),
        ("https://pep.example/cb/*", "https://pep.example/cbx", False),
        ("https://pep.example/cb/*", "https://pep.example/cb/../admin", False),
        ("https://pep.example/cb/*", "https://pep.example/cb/%2e%2E/admin", False),
        ("https://pep.example/cb/*", "https://pep.example/cb/..\\admin", False),
        ("https://pep.example/*", "https://pep.example.evil.example/", False),
        ("https://pep.example/*", "https://pep.example@evil.example/", False),
        ("https://pep.example/*", "http://pep.example/", False),
        ("https://pep.example/*", "https://pep.example:8443/", False),
    ],
)
def test_a_callback_must_be_registered(registered: str, url: str, expected: bool) -> None:
    assert caller("pep", callbacks=(registered,)).may_be_called_at(url) is expected


@pytest.mark.requirement("ARAP-209")
def test_no_callback_is_registered_by_default() -> None:
    assert not caller("pep").may_be_called_at("https://pep.example/cb")


def test_claims_are_not_in_the_representation() -> None:
    shown = repr(caller("pep", claims={"email": "alice@example.com"}))
    assert "alice" not in shown
