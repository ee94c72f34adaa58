"""What AuthZEN 1.0 asks of the metadata (AZ-040 to AZ-043), and the scenario's level Discovery."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.conformance.fixture import ALICE, FIRST_RULE, READ, RECORD_1
from tests.conformance.worlds import METADATA, Pep, World, in_process

ENDPOINTS = {
    "access_evaluation_endpoint",
    "access_evaluations_endpoint",
    "search_subject_endpoint",
    "search_resource_endpoint",
    "search_action_endpoint",
}
BASES = [
    "https://pdp.example.com",
    "https://pdp.example.com/tenant1",
    "https://pdp.example.com:8443/a/b",
]
each_base = pytest.mark.parametrize("base", BASES)
CERTIFICATION = World("certification")


def location(base: str) -> str:
    """Where the metadata of a base URL is: the well-known part stands before its path."""
    return METADATA + urlsplit(base).path


@pytest.mark.requirement("AZ-040")
def test_the_metadata_of_a_running_server_is_of_its_own_address(pep: Pep) -> None:
    reply = pep.with_key(None).get(METADATA)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    base = reply.body["policy_decision_point"]
    assert reply.body["access_evaluation_endpoint"] == base + "/access/v1/evaluation"


@pytest.mark.requirement("AZ-040", "AZ-042")
@each_base
def test_the_identifier_is_the_base_url_and_every_endpoint_is_https(
    tmp_path: Path, base: str
) -> None:
    with in_process(CERTIFICATION, tmp_path, base_url=base) as pep:
        document = pep.with_key(None).get(location(base)).body
        assert document["policy_decision_point"] == base
        assert document.keys() >= ENDPOINTS
        for name, value in document.items():
            assert value not in (None, "", [], {}), name
            if name.endswith(("_endpoint", "_uri")):
                assert value.startswith(base + "/"), name
                assert not urlsplit(value).query
                assert not urlsplit(value).fragment


@pytest.mark.requirement("AZ-042")
@pytest.mark.parametrize("elsewhere", ["", "/tenant2", "/tenant1/x"])
def test_the_metadata_is_nowhere_else(tmp_path: Path, elsewhere: str) -> None:
    with in_process(CERTIFICATION, tmp_path, base_url=BASES[1]) as pep:
        assert pep.get(METADATA + elsewhere).status == 404


@pytest.mark.requirement("AZ-040", "AZ-042")
@each_base
def test_every_advertised_endpoint_answers_at_its_path(tmp_path: Path, base: str) -> None:
    whole = FIRST_RULE | {"subject": ALICE, "action": READ, "resource": RECORD_1}
    with in_process(CERTIFICATION, tmp_path, base_url=base) as pep:
        document = pep.get(location(base)).body
        for name in sorted(ENDPOINTS):
            assert pep.post(urlsplit(document[name]).path, whole).status == 200, name
        assert pep.get(urlsplit(document["jwks_uri"]).path).body["keys"]


def claims_of(token: str, keys: Any) -> dict[str, Any]:
    """The claims of a token, verified by the published keys alone."""
    found = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256"])
    assert found.header["alg"] == "ES256"
    return dict(found.claims)


@pytest.mark.requirement("AZ-041")
@each_base
def test_the_signed_metadata_says_the_same_under_a_published_key(tmp_path: Path, base: str) -> None:
    with in_process(CERTIFICATION, tmp_path, base_url=base) as pep:
        document = pep.get(location(base)).body
        claims = claims_of(document.pop("signed_metadata"), pep.get("/access/v1/jwks").body)
        assert claims["iss"] == base
        assert "signed_metadata" not in claims
        assert {name: claims[name] for name in document} == document


@pytest.mark.requirement("AZ-041")
def test_the_published_keys_are_public_only(pep: Pep) -> None:
    keys = pep.with_key(None).get("/access/v1/jwks").body["keys"]
    assert keys
    for key in keys:
        assert key.keys() >= {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert "d" not in key


@pytest.mark.requirement("AZ-040")
def test_the_metadata_may_be_cached_for_a_while(pep: Pep) -> None:
    assert "max-age=" in pep.get(METADATA).headers["cache-control"]


@pytest.mark.requirement("AZ-043")
def test_capabilities_are_urns_of_what_is_served(pep: Pep) -> None:
    document = pep.get(METADATA).body
    capabilities = document.get("capabilities", [])
    assert all(type(each) is str and each.startswith("urn:") for each in capabilities)
    assert len(set(capabilities)) == len(capabilities)
    requests = "urn:openid:authzen:capability:access-request"
    assert (requests in capabilities) == ("access_request_endpoint" in document)
