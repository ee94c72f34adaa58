"""Two authorization servers, their clients, and the people who decide, over one PDP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from pdp.core.values import JsonObject
from pdp.store import deferrals
from pdp.store.deferrals import Deferral
from tests.access_request.world import ALICE, CLIENTS, Pdp, Reply, client, serving

API = "/oauth/v1"
SECOND = timedelta(seconds=1)
AGENT: JsonObject = {"id": "agent-7"}
BOUND: JsonObject = {"id": "agent-7", "public": True, "jkt": "thumb-of-agent-7"}
TOKEN = "5SIVTd4ZzzGctFQr4AqOGdCgyIa40-tCepd-0AcZxFY"
SERVERS = [client("as-1", "as"), client("as-2", "as"), client("as-narrow", "as", acts_for=[])]


def detail(*resources: str, action: str = "read") -> list[JsonObject]:
    """`authorization_details` for documents."""
    return [{"type": "doc", "identifier": name, "actions": [action]} for name in resources]


def token_request(*resources: str, **more: Any) -> JsonObject:
    """The body of a token request of a client that accepts a deferral."""
    body = {
        "client": AGENT,
        "grant_type": "authorization_code",
        "completion_mode": "deferred",
        "subject": ALICE,
        "authorization_details": detail(*resources),
    }
    return {name: value for name, value in (body | more).items() if value is not None}


class Server:
    """The hands of an authorization server, and of whoever decides."""

    def __init__(self, pdp: Pdp) -> None:
        self.pdp = pdp
        self._met: list[str] = []

    def post(self, path: str, body: Any, key: str = "as-1", **headers: str) -> Reply:
        """A call to the OAuth API; no answer of which may be stored."""
        reply = self.pdp.call("POST", API + path, key, body, **headers)
        assert reply.headers["cache-control"] == "no-store"
        self.kept()
        return reply

    def request(self, *resources: str, key: str = "as-1", **more: Any) -> Reply:
        """A token request."""
        return self.post("/token-requests", token_request(*resources, **more), key)

    def deferred(self, *resources: str, key: str = "as-1", **more: Any) -> str:
        """The code of a token request that was deferred."""
        reply = self.request(*resources, key=key, **more)
        assert reply.status_code == 400, reply.text
        assert reply.json()["error"] in ("authorization_pending", "interaction_required")
        return str(reply.json()["deferral_code"])

    def poll(
        self, code: str, who: JsonObject = AGENT, key: str = "as-1", idem: str = "", **more: Any
    ) -> Reply:
        """A poll."""
        headers = {"idempotency_key": idem} if idem else {}
        body = {"deferral_code": code, "client": who} | more
        return self.post("/deferrals/poll", body, key, **headers)

    def error(self, code: str, who: JsonObject = AGENT, key: str = "as-1", **more: Any) -> str:
        """The error of a poll."""
        reply = self.poll(code, who, key, **more)
        assert reply.status_code == 400, reply.text
        return str(reply.json()["error"])

    def revoke(self, code: str, who: JsonObject = AGENT, key: str = "as-1") -> Reply:
        """A revocation."""
        kind = "urn:ietf:params:oauth:token-type:deferral-code"
        body = {"token": code, "token_type_hint": kind, "client": who}
        reply = self.post("/deferrals/revoke", body, key)
        assert (reply.status_code, reply.json()) == (200, {})
        return reply

    def kept(self) -> list[Deferral]:
        """Every handle, in the order in which they were met: the clock may stand still."""
        statement = deferrals.deferrals.select().order_by(deferrals.deferrals.c.created_at)
        found = self.pdp.services.database.read(lambda s: s.all(Deferral, statement))
        self._met += [each.ref for each in found if each.ref not in self._met]
        return sorted(found, key=lambda each: self._met.index(each.ref))

    def task(self) -> str:
        """The request behind the newest handle."""
        return self.kept()[-1].task_id

    def approve(self, name: str = "bob", **terms: Any) -> None:
        """Have the newest request approved."""
        self.pdp.vote(self.task(), name, "approve", **terms)

    def deny(self, name: str = "bob") -> None:
        """Have the newest request denied."""
        self.pdp.vote(self.task(), name, "deny")

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.pdp.later(timedelta(seconds=seconds))


@contextmanager
def oauth_serving(database: str, **more: Any) -> Iterator[Server]:
    """A PDP with authorization servers."""
    with serving(database, **({"clients": [*CLIENTS, *SERVERS]} | more)) as pdp:
        yield Server(pdp)
