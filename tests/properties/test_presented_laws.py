"""Laws of presented and standing approvals, held by the evaluations themselves against a model."""

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pdp.core.approval import USE_WINDOW
from pdp.core.scope import EXACT, Scope
from pdp.store import approvals
from pdp.store.engine import Database
from pdp.store.migrate import upgrade
from pdp.trust.callers import Caller
from tests.evaluation.approving import MINUTE, NOW, OTHER_PEP, PEP, Asked, Given, Pdp

DOCS = {"e1": ("east", "plans"), "e2": ("east", "plans"), "w1": ("west", "plans")}
PEOPLE = ("alice", "carol", "mallory")
BLOCKED = "mallory"
SCOPES = (EXACT, Scope("resource_parent", ("Folder", "east")), Scope("resource_type"))


@cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="laws-")) / "pdp.db"
    database = Database.open(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@dataclass
class Known:
    """What the model knows of an approval."""

    given: Given
    asked: Asked
    scope: Scope
    until: datetime
    single_use: bool
    standing: bool
    revoked: bool = False
    used: tuple[datetime, str] | None = None
    others: dict[str, Any] = field(default_factory=dict)

    def covers(self, asked: Asked) -> bool:
        """Whether it was given for this, or for more."""
        if (asked.subject, asked.action) != (self.asked.subject, self.asked.action):
            return False
        name, mine = asked.resource["id"], self.asked.resource["id"]
        if name == mine or self.scope.kind == "resource_type":
            return True
        return self.scope.parent is not None and self.scope.parent[1] in DOCS[name]

    def live(self, now: datetime) -> bool:
        """Whether it counts at all."""
        return not self.revoked and now < self.until

    def allows(self, asked: Asked, caller: Caller, now: datetime) -> bool:
        """Whether an evaluation may rest on it."""
        if caller != PEP or not self.live(now) or not self.covers(asked):
            return False
        if not self.single_use or self.used is None:
            return True
        return self.used[1] == repr(asked) and now <= self.used[0] + USE_WINDOW


class Approvals(RuleBasedStateMachine):
    """Approvals come and go, are presented rightly and wrongly; two replicas answer."""

    def __init__(self) -> None:
        super().__init__()
        folder = Path(tempfile.mkdtemp(prefix="laws-"))
        shutil.copy(_template(), folder / "pdp.db")
        self.folder = folder
        self.database = Database.open(f"sqlite:///{folder}/pdp.db")
        self.replicas = [Pdp(self.database), Pdp(self.database)]
        self.now = NOW
        self.known: list[Known] = []

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(
        person=st.sampled_from(PEOPLE), doc=st.sampled_from(sorted(DOCS)),
        scope=st.sampled_from(SCOPES), minutes=st.integers(1, 30), standing=st.booleans(),
    )  # fmt: skip
    def grant(self, person: str, doc: str, scope: Scope, minutes: int, standing: bool) -> None:
        """An approval of a read is granted."""
        asked = reading(person, doc)
        until = self.now + minutes * MINUTE
        given = self.replicas[0].grant(
            asked, until=until - NOW, scope=scope, standing=standing, task_id=self.name()
        )
        self.known.append(Known(given, asked, scope, until, False, standing))

    @rule(person=st.sampled_from(PEOPLE), minutes=st.integers(1, 30))
    def grant_once(self, person: str, minutes: int) -> None:
        """An approval of one payment is granted."""
        asked = paying(person, 10)
        until = self.now + minutes * MINUTE
        given = self.replicas[0].grant(
            asked, "payment_review", until=until - NOW, task_id=self.name()
        )
        self.known.append(Known(given, asked, EXACT, until, True, False))

    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        """An approval is revoked, without a word to any replica."""
        if self.known:
            known = data.draw(st.sampled_from(self.known))
            self.database.write(
                lambda s: approvals.revoke(
                    s, known.given.row.ref, by="x", reason=None, now=self.now
                )
            )
            known.revoked = known.revoked or self.now < known.until

    @rule(seconds=st.sampled_from([1, 59, 61, 300, 1200]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)

    @rule(number=st.integers(0, 1))
    def hear(self, number: int) -> None:
        """A replica hears of what changed."""
        self.replicas[number].standing.follow(self.now)

    @rule(
        data=st.data(), number=st.integers(0, 1), person=st.sampled_from(PEOPLE),
        doc=st.sampled_from(sorted(DOCS)), pays=st.booleans(), form=st.sampled_from("isb"),
        caller=st.sampled_from([PEP, PEP, OTHER_PEP]),
    )  # fmt: skip
    def present(
        self, data: st.DataObject, number: int, person: str, doc: str, pays: bool, form: str,
        caller: Caller,
    ) -> None:  # fmt: skip
        """An approval is presented, for what it was given or for something else."""
        if not self.known:
            return
        known = data.draw(st.sampled_from(self.known))
        asked = (
            paying(person, data.draw(st.sampled_from([10, 11]))) if pays else reading(person, doc)
        )
        if data.draw(st.booleans()):
            asked = known.asked
        full = known.given.both
        presented = {"i": {"id": full["id"]}, "s": {"state": full["state"]}, "b": full}[form]
        outcome = self.replicas[number].ask(asked, presented, caller, self.now)
        resting = known.allows(asked, caller, self.now) and asked.subject["id"] != BLOCKED
        note(f"{asked} {form} {outcome.allowed}")
        if resting:
            assert outcome.allowed
            if known.single_use and known.used is None:
                known.used = (self.now, repr(asked))
        elif outcome.allowed:
            assert any(
                each.standing and each.allows(asked, caller, self.now) for each in self.known
            )
        else:
            self.told_why(outcome.context or {})

    @rule(
        number=st.integers(0, 1), person=st.sampled_from(PEOPLE), doc=st.sampled_from(sorted(DOCS))
    )
    def ask(self, number: int, person: str, doc: str) -> None:
        """Something is asked with nothing presented."""
        asked = reading(person, doc)
        outcome = self.replicas[number].ask(asked, None, PEP, self.now)
        if outcome.allowed:
            assert person != BLOCKED
            assert any(each.standing and each.allows(asked, PEP, self.now) for each in self.known)
        elif person != BLOCKED:
            assert "access_request" in (outcome.context or {})

    @invariant()
    def a_replica_that_has_heard_finds_every_standing_approval(self) -> None:
        """What stands and counts is found by whoever is up to date."""
        replica = self.replicas[0]
        replica.standing.follow(self.now)
        for known in self.known:
            if known.standing and known.live(self.now) and known.asked.subject["id"] != BLOCKED:
                assert replica.ask(known.asked, None, PEP, self.now, offers=False).allowed

    def told_why(self, context: dict[str, Any]) -> None:
        """A denial says what to do, and only what can be done."""
        assert context["next_action"] in ("request", "retry", "none")
        assert ("access_request" in context) == (context["next_action"] == "request")

    def name(self) -> str:
        """A task id that is new."""
        return f"arq_{len(self.known)}"


def reading(person: str, doc: str) -> Asked:
    """May somebody read a document?"""
    return Asked({"type": "user", "id": person}, "read", {"type": "document", "id": doc})


def paying(person: str, amount: int) -> Asked:
    """May somebody pay?"""
    return Asked(
        {"type": "user", "id": person}, "pay", {"type": "account", "id": "a1"}, {"amount": amount}
    )


@pytest.mark.slow
def test_evaluations_rest_on_live_approvals_only() -> None:
    run_state_machine_as_test(Approvals)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON | st.just("apr_x"),
        "state": JSON | st.from_regex(r"[\w-]{1,9}\.[\w-]{1,9}\.[\w-]{1,9}", fullmatch=True),
        "template": st.just("lead_approval"),
        "approved_until": st.just("2099-01-01T00:00:00Z"),
    },
)


@pytest.fixture(scope="module")
def pdp(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A replica over an empty database."""
    path = tmp_path_factory.mktemp("presented") / "pdp.db"
    shutil.copy(_template(), path)
    database = Database.open(f"sqlite:///{path}")
    yield Pdp(database)
    database.close()


@pytest.mark.requirement("ARAP-189")
@given(approval=JSON | SHAPED, member=st.sampled_from(["approval", "request", "now", "caller"]))
def test_nothing_that_a_caller_writes_allows(pdp: Pdp, approval: Any, member: str) -> None:
    body = Asked().body()
    body["context"] = {member: approval}
    outcome = pdp.ask_body(body, offers=False)
    assert not outcome.allowed
