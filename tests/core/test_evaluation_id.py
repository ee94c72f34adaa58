"""`evaluation_id`: layout, spelling, and what its proof covers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pdp.core.evaluation_id import (
    EvaluationId,
    new_evaluation_id,
    parse_evaluation_id,
    proof_bytes,
)

NOW = datetime(2026, 4, 30, 20, 15, 0, 123_000, tzinfo=UTC)
EXPIRY = datetime(2026, 4, 30, 20, 25, 0, 500_000, tzinfo=UTC)
PLAIN = new_evaluation_id(NOW, bytes(range(10)))
OFFER = PLAIN.offering(EXPIRY, "manager_approval", ("tenant", "größe"))
PROVEN = OFFER.proven(b"\x01" * 32)


@pytest.mark.requirement("ARAP-027")
def test_a_plain_id_is_a_prefix_and_a_ulid() -> None:
    assert str(PLAIN) == "eval_01KQG0FJGV000G40R40M30E209"
    assert PLAIN.evaluated_at == NOW
    assert parse_evaluation_id(str(PLAIN)) == PLAIN


@pytest.mark.requirement("ARAP-027")
def test_ids_of_one_moment_differ_by_their_randomness() -> None:
    assert new_evaluation_id(NOW, b"\x00" * 10) != new_evaluation_id(NOW, b"\x00" * 9 + b"\x01")


def test_ids_sort_by_time() -> None:
    moments = [NOW + timedelta(milliseconds=step) for step in range(50)]
    ids = [str(new_evaluation_id(moment, b"\xff" * 10)) for moment in moments]
    assert ids == sorted(ids)


@pytest.mark.requirement("ARAP-026")
def test_the_id_of_an_offer_says_all_that_its_check_needs() -> None:
    found = parse_evaluation_id(str(PROVEN))
    assert found == PROVEN
    assert found is not None
    assert found.expires_at == EXPIRY.replace(microsecond=0)
    assert found.template == "manager_approval"
    assert found.members == ("tenant", "größe")
    assert found.mac == b"\x01" * 16


@pytest.mark.requirement("ARAP-111")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "eval_",
        "eval_01",
        "ev_" + str(PLAIN)[5:],
        str(PLAIN).lower(),
        str(PLAIN) + "0",
        str(PLAIN) + ".",
        str(PLAIN)[:-1] + "U",
        "eval_8" + str(PLAIN)[6:],
        str(PROVEN).partition(".")[0],
        str(PROVEN) + "=",
        str(PROVEN) + "A",
        str(PROVEN).partition(".")[0] + ".e30",
        str(PROVEN).partition(".")[0] + ".W10",
        str(PROVEN).partition(".")[0] + ".WyBdWw",
        str(PROVEN)[:38] + "Z" * 26 + str(PROVEN)[64:],
        str(PROVEN) + "x" * 3_000,
        "eval_٠1KQG0FJGV000G40R40M30E209",
    ],
)
def test_what_we_did_not_write_is_not_read(text: str) -> None:
    assert parse_evaluation_id(text) is None


def test_every_character_changed_makes_another_id_or_none() -> None:
    text = str(PROVEN)
    for place in range(len(text)):
        other = text[:place] + ("1" if text[place] == "0" else "0") + text[place + 1 :]
        assert parse_evaluation_id(other) != PROVEN


@pytest.mark.requirement("ARAP-112")
@pytest.mark.parametrize(
    "changed",
    [
        {"ulid": "01KQG0FJGV000G40R40M30E208"},
        {"expires_at": EXPIRY + timedelta(seconds=1)},
        {"template": "manager"},
        {"members": ("tenant",)},
        {"members": ()},
    ],
)
def test_the_proof_covers_every_field(changed: dict[str, Any]) -> None:
    other = OFFER._replace(**changed)
    assert proof_bytes(other, "hash", "pep") != proof_bytes(OFFER, "hash", "pep")


@pytest.mark.requirement("ARAP-112")
def test_the_proof_covers_what_was_asked_and_by_whom() -> None:
    base = proof_bytes(OFFER, "hash", "pep")
    assert proof_bytes(OFFER, "hash2", "pep") != base
    assert proof_bytes(OFFER, "hash", "pep2") != base
    assert proof_bytes(OFFER, 'h","pep', "x") != proof_bytes(OFFER, "h", 'pep","x')
    assert proof_bytes(PROVEN, "hash", "pep") == base


def test_template_and_members_cannot_be_shifted_into_each_other() -> None:
    one = EvaluationId(PLAIN.ulid, EXPIRY, "a", ("b", "c"))
    two = EvaluationId(PLAIN.ulid, EXPIRY, 'a","b', ("c",))
    assert proof_bytes(one, "h", "p") != proof_bytes(two, "h", "p")
