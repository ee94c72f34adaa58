"""Handles under whatever happens to them: no story redeems one twice, or after its end."""

import contextlib
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from pdp.core.values import JsonObject
from pdp.errors import Problem
from tests.access_request.world import BASE
from tests.contract.conftest import postgres, postgres_template, sqlite_template
from tests.deferral.world import oauth_serving

__all__ = ["postgres", "postgres_template", "sqlite_template"]

CLIENTS: list[JsonObject] = [
    {"id": "agent-7"},
    {"id": "agent-7", "jkt": "one"},
    {"id": "agent-7", "jkt": "two"},
    {"id": "agent-8"},
]
UNKNOWN = '{"error":"invalid_grant","error_description":"the code is not known"}'
_clients = st.integers(0, len(CLIENTS) - 1)
_owners = st.sampled_from(["as-1", "as-2"])


class Story(NamedTuple):
    """A handle and whose it is; `code` names it in what is known of it."""

    code: str
    owner: str
    client: int
    task: str


class Handles(RuleBasedStateMachine):
    """Two authorization servers, their clients, approvers and the clock."""

    address: str

    handles = Bundle("handles")

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.server = self.stack.enter_context(oauth_serving(self.fresh()))
        self.granted: set[str] = set()
        self.dead: set[str] = set()
        self.ends: dict[str, Any] = {}

    def fresh(self) -> str:
        """The address of an empty database."""
        raise NotImplementedError

    def teardown(self) -> None:
        self.stack.close()

    @rule(
        target=handles,
        owner=_owners,
        client=_clients,
        name=st.sampled_from(["manager-1", "once-1"]),
    )
    def open(self, owner: str, client: int, name: str) -> Story:
        code = self.server.deferred(name, key=owner, client=CLIENTS[client])
        mine = [each for each in self.server.kept() if each.ref not in self.ends]
        assert len(mine) == 1
        kept = mine[0]
        self.ends[kept.ref] = kept.expires_at
        self.ends[code] = kept.expires_at
        return Story(code, owner, client, kept.task_id)

    @rule(story=handles, owner=_owners, client=_clients, count=st.integers(1, 4))
    def poll(self, story: Story, owner: str, client: int, count: int) -> None:
        who = CLIENTS[client]
        body = {"deferral_code": story.code, "client": who}
        requests = [
            httpx.Request(
                "POST",
                f"{BASE}/oauth/v1/deferrals/poll",
                headers={"authorization": f"Bearer {owner}"},
                json=body,
            )
            for _ in range(count)
        ]
        replies = self.server.pdp.at_once(*requests)
        grants = [reply for reply in replies if reply.status_code == 200]
        assert all(reply.status_code in (200, 400) for reply in replies), replies[0].text
        own = CLIENTS[story.client]
        if owner != story.owner or who["id"] != own["id"]:
            assert {reply.text for reply in replies} == {UNKNOWN}
        elif own.get("jkt") not in (None, who.get("jkt")):
            assert {reply.json()["error"] for reply in replies} == {"invalid_dpop_proof"}
        assert len(grants) <= 1
        if grants:
            assert story.code not in self.granted
            assert story.code not in self.dead
            assert self.server.pdp.now < self.ends[story.code]
            self.granted.add(story.code)

    @rule(story=handles, client=_clients)
    def revoke(self, story: Story, client: int) -> None:
        who, own = CLIENTS[client], CLIENTS[story.client]
        self.server.revoke(story.code, who, story.owner)
        if who["id"] == own["id"] and own.get("jkt") in (None, who.get("jkt")):
            self.dead.add(story.code)

    @rule(story=handles)
    def revoke_while_polling(self, story: Story) -> None:
        own = CLIENTS[story.client]
        head = {"authorization": f"Bearer {story.owner}"}
        poll = {"deferral_code": story.code, "client": own}
        end = {"token": story.code, "client": own}
        url = f"{BASE}/oauth/v1/deferrals"
        first, _, second = self.server.pdp.at_once(
            httpx.Request("POST", f"{url}/poll", headers=head, json=poll),
            httpx.Request("POST", f"{url}/revoke", headers=head, json=end),
            httpx.Request("POST", f"{url}/poll", headers=head, json=poll),
        )
        grants = [each for each in (first, second) if each.status_code == 200]
        assert len(grants) <= 1
        if grants:
            assert story.code not in self.granted | self.dead
            self.granted.add(story.code)
        self.dead.add(story.code)

    @rule(story=handles, decision=st.sampled_from(["approve", "deny"]))
    def decide(self, story: Story, decision: Any) -> None:
        # It may have been decided, or be over.
        with contextlib.suppress(AssertionError, Problem):
            self.server.pdp.vote(story.task, "bob", decision)

    @rule(seconds=st.sampled_from([1, 6, 600, 86_400]))
    def wait(self, seconds: int) -> None:
        self.server.later(seconds)


_STORIES = settings(max_examples=12, stateful_step_count=14)


@pytest.mark.slow
def test_no_story_redeems_a_handle_twice_or_after_its_end(sqlite_template: Path) -> None:
    class OnSqlite(Handles):
        def fresh(self) -> str:
            folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
            shutil.copy(sqlite_template, folder / "pdp.db")
            return f"sqlite:///{folder}/pdp.db"

    run_state_machine_as_test(OnSqlite, settings=_STORIES)


@pytest.mark.slow
@pytest.mark.postgres
def test_no_story_redeems_a_handle_twice_on_postgresql(postgres_template: Any) -> None:
    class OnPostgres(Handles):
        def fresh(self) -> str:
            return str(self.stack.enter_context(postgres_template.migrated()))

    run_state_machine_as_test(OnPostgres, settings=_STORIES)
