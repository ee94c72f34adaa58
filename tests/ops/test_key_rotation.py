"""Keys in a running server: changed in time, published before and after they sign."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from pdp.settings import KeySettings
from pdp.trust.compact import header_of
from tests.conformance.worlds import Pep, World, in_process
from tests.ops.processes import eventually

METADATA = "/.well-known/authzen-configuration"
JWKS = "/access/v1/jwks"
NOW = datetime.now(UTC)


@pytest.fixture
def pep(tmp_path: Path) -> Iterator[Pep]:
    """A server whose keys change every ten days and are published for twenty more."""
    keys = KeySettings(rotate_every=timedelta(days=10), publish_retired=timedelta(days=20))
    with in_process(World("certification"), tmp_path, keys=keys) as found:
        yield found


def published(pep: Pep) -> dict[str, Any]:
    """The published keys, by id."""
    return {key["kid"]: key for key in pep.get(JWKS).body["keys"]}


def signed(pep: Pep) -> str:
    """The signed metadata."""
    return str(pep.get(METADATA).body["signed_metadata"])


def signer(token: str) -> str:
    """The id of the key that a token is signed with."""
    return str(header_of(token)["kid"])


def verified(token: str, keys: dict[str, Any]) -> None:
    """Have a token verified by somebody who knows these keys only; raises when it is not."""
    jwt.decode(token, KeySet.import_key_set({"keys": list(keys.values())}), algorithms=["ES256"])


def pass_time(pep: Pep, days: int) -> None:
    """Do whatever is due so many days from now."""
    pep.client.app.services.runner.run_due(NOW + timedelta(days=days))


def test_an_old_key_gives_way_to_the_one_that_was_announced(pep: Pep) -> None:
    before, token = published(pep), signed(pep)
    old = signer(token)
    (announced,) = before.keys() - {old}
    pass_time(pep, 11)
    assert eventually(lambda: signer(signed(pep)) == announced)
    after = published(pep)
    assert before.keys() < after.keys()
    assert len(after) == 3
    # Whoever kept a token from before can verify it still, and one from now with the keys of then.
    verified(token, after)
    verified(signed(pep), before)


def test_a_key_that_is_young_stays(pep: Pep) -> None:
    before = published(pep)
    pass_time(pep, 9)
    assert published(pep) == before


def test_a_retired_key_is_published_for_its_time_only(pep: Pep) -> None:
    old = signer(signed(pep))
    pass_time(pep, 11)
    assert eventually(lambda: old in published(pep) and signer(signed(pep)) != old)
    pass_time(pep, 30)
    assert old in published(pep)
    pass_time(pep, 32)
    assert eventually(lambda: old not in published(pep))


def test_keys_that_are_never_to_change_do_not(tmp_path: Path) -> None:
    with in_process(World("certification"), tmp_path) as pep:
        before = published(pep)
        pass_time(pep, 1000)
        assert published(pep) == before
