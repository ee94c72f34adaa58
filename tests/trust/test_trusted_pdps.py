"""Other PDPs: each is believed by its own keys only."""

import asyncio
import json
from pathlib import Path

import pytest

from pdp.settings import Settings, SettingsError
from pdp.trust.claims import BadToken
from pdp.trust.jose import PrivateKey
from pdp.trust.trusted_pdps import TrustedPdps

EAST, WEST, NEW = PrivateKey.generate(), PrivateKey.generate(), PrivateKey.generate()
ISSUERS = {"https://east.example": EAST, "https://west.example": WEST}


def publish(folder: Path, issuer: str, *keys: PrivateKey) -> Path:
    file = folder / f"{issuer[8:]}.json"
    file.write_text(json.dumps({"keys": [key.public_jwk() for key in keys]}))
    return file


@pytest.fixture
def trusted(tmp_path: Path) -> TrustedPdps:
    listed = [
        {"issuer": issuer, "jwks_file": publish(tmp_path, issuer, key)}
        for issuer, key in ISSUERS.items()
    ]
    settings = Settings.model_validate({"base_url": "https://pdp.example", "trusted_pdps": listed})
    return TrustedPdps.from_settings(settings, lambda: 0.0)


def believed(trusted: TrustedPdps, issuer: str, token: str) -> bool:
    asyncio.run(trusted.prepare(token))
    try:
        trusted.verifiers()[issuer](token)
    except BadToken:
        return False
    return True


def test_each_is_believed_by_its_own_keys_only(trusted: TrustedPdps) -> None:
    for issuer, own in ISSUERS.items():
        for signer in ISSUERS.values():
            token = signer.sign_claims({"iss": issuer})
            assert believed(trusted, issuer, token) is (own is signer)


def test_a_token_that_names_another_issuer_is_refused(trusted: TrustedPdps) -> None:
    east = EAST.sign_claims({"iss": "https://east.example"})
    assert believed(trusted, "https://east.example", east)
    assert not believed(
        trusted, "https://east.example", EAST.sign_claims({"iss": "https://west.example"})
    )


@pytest.mark.requirement("ARAP-009")
def test_a_new_key_is_found(trusted: TrustedPdps, tmp_path: Path) -> None:
    token = NEW.sign_claims({"iss": "https://east.example"})
    assert not believed(trusted, "https://east.example", token)
    publish(tmp_path, "https://east.example", EAST, NEW)
    assert believed(trusted, "https://east.example", token)


@pytest.mark.parametrize(
    "token", ["", "a.b.c", EAST.sign_claims({"iss": 7}), EAST.sign_claims({"iss": "https://x"})]
)
def test_what_names_no_trusted_pdp_is_refused(trusted: TrustedPdps, token: str) -> None:
    assert not believed(trusted, "https://east.example", token)


def test_nobody_is_trusted_by_default() -> None:
    assert TrustedPdps.from_settings(Settings(demo=True), lambda: 0.0).verifiers() == {}


def test_a_key_file_that_cannot_be_read_refuses_to_start(tmp_path: Path) -> None:
    listed = [{"issuer": "https://east.example", "jwks_file": tmp_path / "absent"}]
    settings = Settings.model_validate({"demo": True, "trusted_pdps": listed})
    with pytest.raises(SettingsError, match="absent: cannot be read"):
        TrustedPdps.from_settings(settings, lambda: 0.0)
