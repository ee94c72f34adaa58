"""Access tokens: whose they are, which roles they bring, and how long they are remembered."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pdp.errors import Problem
from pdp.settings import IssuerSettings
from pdp.trust.callers import Caller
from pdp.trust.claims import BadToken
from pdp.trust.credentials import digest_of
from pdp.trust.jose import PrivateKey, PublicKeys
from pdp.trust.jwks import KeysUnavailable
from pdp.trust.token_caller import LONGEST_CHAIN, actor_chain, token_caller
from pdp.trust.tokens import AccessTokens

NOW = 1_800_000_000
SIGNER = PrivateKey.generate()
CLAIMS: dict[str, Any] = {
    "iss": "https://as.example",
    "aud": "https://pdp.example",
    "sub": "svc",
    "client_id": "client-7",
    "jti": "1",
    "iat": NOW,
    "exp": NOW + 600,
    "scope": "openid pdp:pep",
}


class Keys:
    """The issuer's keys, always at hand."""

    def __init__(self) -> None:
        self.fresh_until = NOW + 300.0
        self.keys = PublicKeys({"keys": [SIGNER.public_jwk()]})
        self.available = True

    async def keys_for(self, kid: str | None) -> PublicKeys:
        if not self.available:
            raise KeysUnavailable
        return self.keys


class World:
    """A verifier for one issuer, its keys and the time."""

    def __init__(self, most: int = 100, **issuer: Any) -> None:
        self.now = float(NOW)
        self.keys = Keys()
        configured = settings(**issuer)
        self.tokens = AccessTokens(
            {configured.issuer: (configured, self.keys)}, lambda: self.now, most
        )

    def verify(self, token: str) -> Caller:
        return asyncio.run(self.tokens.verify(token.encode()))

    def cached(self, token: str) -> Caller | None:
        return self.tokens.cached(digest_of(token.encode()))

    def refuse(self, token: str) -> Problem:
        with pytest.raises(Problem) as fault:
            self.verify(token)
        assert self.cached(token) is None
        return fault.value


def settings(**changes: Any) -> IssuerSettings:
    given = {"issuer": "https://as.example", "audience": "https://pdp.example"}
    return IssuerSettings.model_validate({**given, "jwks_file": Path("unused"), **changes})


def token(typ: str | None = "at+jwt", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    return SIGNER.sign_claims(claims, typ)


def test_a_token_names_its_caller_by_issuer_and_subject() -> None:
    caller = World().verify(token())
    assert (caller.id, caller.client_id) == ("https://as.example#svc", "client-7")
    assert (caller.kind, sorted(caller.roles), caller.subject) == ("token", ["pep"], None)
    assert caller.facts == {
        "id": "https://as.example#svc",
        "roles": ["pep"],
        "kind": "token",
        "issuer": "https://as.example",
        "subject": "svc",
        "client_id": "client-7",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": None},
        {"typ": "JWT"},
        {"typ": "logout+jwt"},
        {"iss": "https://evil.example"},
        {"iss": ["https://as.example"]},
        {"iss": ...},
        {"aud": "https://other.example"},
        {"aud": ...},
        {"exp": NOW - 30},
        {"exp": ...},
        {"nbf": NOW + 31},
        {"iat": NOW + 31},
        {"sub": ...},
        {"sub": 7},
        {"client_id": ...},
        {"client_id": ["x"]},
        {"jti": ...},
        {"iat": ...},
        {"cnf": {"jkt": "x"}},
        {"cnf": None},
        {"act": "agent"},
        {"act": {}},
        {"act": {"sub": ""}},
        {"act": {"sub": "a", "iss": 1}},
        {"act": {"sub": "a", "act": []}},
    ],
)
def test_other_tokens_are_refused(changes: dict[str, Any]) -> None:
    fault = World().refuse(token(**changes))
    assert fault.status == 401
    assert 'error="invalid_token"' in fault.headers["WWW-Authenticate"]


def test_a_token_of_one_issuer_signed_by_another_is_refused() -> None:
    world, other = World(), Keys()
    stranger = PrivateKey.generate()
    other.keys = PublicKeys({"keys": [stranger.public_jwk()]})
    second = settings(issuer="https://second.example")
    tokens = AccessTokens(
        {
            "https://as.example": (settings(), world.keys),
            "https://second.example": (second, other),
        },
        lambda: world.now,
    )
    forged = stranger.sign_claims(CLAIMS, "at+jwt")
    with pytest.raises(Problem, match="no key that is trusted"):
        asyncio.run(tokens.verify(forged.encode()))
    honest = stranger.sign_claims({**CLAIMS, "iss": "https://second.example"}, "at+jwt")
    caller = asyncio.run(tokens.verify(honest.encode()))
    assert caller.id == "https://second.example#svc"


def test_only_the_algorithms_of_the_issuer_are_accepted() -> None:
    assert World(algorithms=["RS256"]).refuse(token()).status == 401


@pytest.mark.parametrize("raw", [b"", b"\xff.\xff.\xff", b"a.b.c", b"." * 30_000, b"x" * 20_000])
def test_what_is_no_token_is_refused(raw: bytes) -> None:
    with pytest.raises(Problem) as fault:
        asyncio.run(World().tokens.verify(raw))
    assert fault.value.status == 401


def test_a_token_longer_than_the_limit_is_refused() -> None:
    assert "too long" in World().refuse(token(padding="x" * 16_384)).detail


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt"])
def test_an_issuer_that_does_not_follow_rfc_9068_can_be_accepted(typ: str | None) -> None:
    world = World(require_at_jwt=False)
    bare = token(typ, client_id=..., jti=..., iat=..., azp="client-9")
    assert world.verify(bare).client_id == "client-9"
    assert world.refuse(token("logout+jwt")).status == 401


def test_keys_out_of_reach_are_our_fault_and_not_the_callers() -> None:
    world = World()
    world.keys.available = False
    fault = world.refuse(token())
    assert (fault.status, fault.headers["Retry-After"]) == (503, "10")


def test_a_token_is_remembered_until_the_keys_must_be_looked_at_again() -> None:
    world, good = World(), token()
    caller = world.verify(good)
    world.now = NOW + 299.9
    assert world.cached(good) is caller
    world.now = NOW + 300.0
    assert world.cached(good) is None
    world.keys.keys = PublicKeys({"keys": []})
    assert world.refuse(good).status == 401


def test_a_token_is_never_remembered_beyond_its_expiry() -> None:
    world, short = World(), token(exp=NOW + 10)
    caller = world.verify(short)
    world.now = NOW + 39.9
    assert world.cached(short) is caller
    world.now = NOW + 40.0
    assert world.cached(short) is None
    assert world.refuse(short).status == 401


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    world = World(most=3)
    made = [token(jti=str(number)) for number in range(5)]
    for each in made:
        world.verify(each)
    assert [world.cached(each) is not None for each in made] == [False, False, True, True, True]


def test_remembered_tokens_can_be_forgotten() -> None:
    world = World()
    one, two = token(jti="1"), token(jti="2", sub="other")
    world.verify(one)
    world.verify(two)
    assert world.tokens.forget(lambda caller: caller.claims["sub"] == "other") == 1
    assert (world.cached(one) is not None, world.cached(two)) == (True, None)
    assert world.tokens.forget() == 1


def roles(claims: dict[str, Any], **issuer: Any) -> list[str]:
    caller = token_caller({"sub": "a", "client_id": "c", **claims}, settings(**issuer))
    return sorted(caller.roles)


@pytest.mark.parametrize(
    ("claims", "issuer", "expected"),
    [
        ({}, {}, []),
        ({"scope": "openid profile"}, {}, []),
        ({"scope": "pep admin"}, {}, []),
        ({"scope": "pdp:pep"}, {}, ["pep"]),
        ({"scope": "pdp:as x"}, {}, ["as", "pep"]),
        ({"scope": "pdp:root pdp: pdp:PEP xpdp:pep"}, {}, []),
        ({"scp": ["pdp:auditor"]}, {}, ["auditor"]),
        ({"scope": ["pdp:pep", 7, None]}, {}, ["pep"]),
        ({"scope": 7}, {}, []),
        ({"roles": ["pdp:pep", "admin"]}, {}, []),
        ({"roles": ["pdp:pep", "admin"]}, {"roles_claim": "roles"}, ["pep"]),
        ({"roles": ["ops"]}, {"roles_claim": "roles", "roles": {"ops": ["auditor"]}}, ["auditor"]),
        ({"scope": "decide"}, {"roles": {"decide": ["pep", "auditor"]}}, ["auditor", "pep"]),
        ({"scope": "x.as"}, {"scope_prefix": "x."}, ["as", "pep"]),
    ],
)
def test_scopes_and_roles_of_a_token(
    claims: dict[str, Any], issuer: dict[str, Any], expected: list[str]
) -> None:
    assert roles(claims, **issuer) == expected


def test_a_token_may_name_a_cedar_entity_and_act_for_some_subjects_only() -> None:
    issuer = settings(subject_type="Service", acts_for=["User::*"], callbacks=["https://x/cb"])
    caller = token_caller(CLAIMS, issuer)
    assert caller.subject == ("Service", "svc")
    assert caller.may_act_for(("User", "alice"))
    assert not caller.may_act_for(("Group", "staff"))
    assert caller.may_be_called_at("https://x/cb")


@pytest.mark.requirement("ARAP-059")
def test_the_actor_chain_is_kept_present_actor_first() -> None:
    chain = {"sub": "agent", "iss": "https://a", "sub_profile": "ai", "act": {"sub": "tool"}}
    caller = token_caller({**CLAIMS, "act": chain}, settings())
    assert caller.actor_chain == (
        {"sub": "agent", "iss": "https://a", "sub_profile": "ai"},
        {"sub": "tool"},
    )
    assert caller.facts["actors"] == [{"sub": "agent", "iss": "https://a"}, {"sub": "tool"}]


def test_a_chain_of_actors_is_bounded() -> None:
    claims: dict[str, Any] = {}
    for number in range(LONGEST_CHAIN):
        claims = {"act": {"sub": str(number), **claims}}
    assert len(actor_chain(claims)) == LONGEST_CHAIN
    with pytest.raises(BadToken):
        actor_chain({"act": {"sub": "one too many", **claims}})
