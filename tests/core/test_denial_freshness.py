"""Whether a denial is still fresh, and what an `evaluation_id` alone proves."""

from datetime import datetime, timedelta

import pytest

from pdp.core.denial import Accepted, Denial
from pdp.core.denial_check import check_reference
from pdp.core.evaluation_id import new_evaluation_id
from tests.core.denials import ECHO, END, HASHED, MEMBERS, MINUTE, NOW, SENT, check, kind_of

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
    assert kind_of(check(claims, ECHO._replace(expires_at=echoed), now=now)) == kind


@pytest.mark.requirement("ARAP-108")
def test_the_tolerance_can_be_set() -> None:
    just_after = END + timedelta(seconds=1)
    assert kind_of(check(now=just_after, skew=timedelta(0))) == "expired_denial"


def test_faults_of_the_binding_come_before_expiry() -> None:
    other = SENT._replace(subject={"type": "user", "id": "bob"})
    assert kind_of(check(sent=other, now=LATE)) == "invalid_denial_binding"


def test_a_token_that_is_not_valid_yet_is_refused() -> None:
    early = HASHED._replace(not_before=NOW + 2 * MINUTE)
    assert kind_of(check(early)) == "invalid_denial_binding"
    assert kind_of(check(early, now=NOW + 2 * MINUTE - SKEW)) == "accepted"


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
    assert kind_of(check_reference(REFERENCE, denial, proven=proven, now=now)) == kind


def test_an_accepted_id_says_what_it_bound() -> None:
    verdict = check_reference(REFERENCE, BY_ID, proven=True, now=NOW)
    assert verdict == Accepted(END, MEMBERS, "manager", str(REFERENCE))


@pytest.mark.requirement("ARAP-111")
def test_an_unknown_id_binds_nothing() -> None:
    assert kind_of(check_reference(None, BY_ID, proven=False, now=NOW)) == "invalid_denial_binding"


@pytest.mark.requirement("ARAP-081")
def test_the_id_of_what_was_no_requestable_denial_is_not_requestable() -> None:
    plain = new_evaluation_id(NOW, b"r" * 10)
    assert kind_of(check_reference(plain, BY_ID, proven=False, now=NOW)) == "not_requestable"
