"""The three searches (AuthZEN 1.0, section 8): who may, what may, which actions may."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import anyio
import anyio.lowlevel

from pdp.core.authzen import (
    Action,
    Entity,
    Evaluation,
    InvalidRequest,
    action_from,
    entity_from,
    object_from,
)
from pdp.core.values import JsonObject
from pdp.errors import INVALID_PAGE_TOKEN, Problem
from pdp.evaluation.evaluate import evaluate_many
from pdp.evaluation.page_token import PageTokens, Place, scope_of
from pdp.policy.authorizer import Authorizer
from pdp.trust.callers import Caller

Kind = Literal["subject", "resource", "action"]

_CHUNK = 48
_MOST_REMEMBERED = 16


class Question(NamedTuple):
    """What is searched for: the fixed parts, and the kind and type of what is sought."""

    kind: Kind
    sought: JsonObject
    subject: Entity | None
    action: Action | None
    resource: Entity | None
    context: JsonObject


class Page(NamedTuple):
    """One page: its results, the token of the next page (empty at the end), and the total."""

    results: list[JsonObject]
    next_token: str
    total: int


class Search:
    """Searches of one server.

    The whole result is worked out once, in small portions between which other calls get their
    turn; its pages are then cut from memory while policies and entities stand. One search runs
    at a time, so that many searches delay evaluations no more than one does.
    """

    def __init__(self, tokens: PageTokens, default_page: int, largest_page: int) -> None:
        self._tokens = tokens
        self._default_page = default_page
        self._largest_page = largest_page
        self._turn = anyio.Lock()
        self._found: OrderedDict[tuple[Any, ...], list[str]] = OrderedDict()

    async def page(
        self, kind: Kind, body: JsonObject, caller: Caller, authorizer: Authorizer, now: datetime
    ) -> Page:
        """Answer one search call.

        Raises:
            InvalidRequest: the request is not of the right shape.
            Problem: 400 for a page token that does not fit.
        """
        question = question_from(kind, body)
        wanted = object_from(body, "page", "")
        scope = _scope(caller, question, wanted)
        place = self._place(wanted, scope)
        found = await self._all(question, scope, caller, authorizer, now)
        first = 0 if place.after is None else bisect_right(found, place.after)
        names = found[first : first + place.limit]
        more = first + place.limit < len(found)
        last = names[-1] if names else place.after
        return Page(
            [_result(question, name) for name in names],
            self._tokens.make(scope, place._replace(after=last)) if more else "",
            len(found),
        )

    def _place(self, page: JsonObject, scope: bytes) -> Place:
        object_from(page, "properties", "/page")
        limit, token = page.get("limit"), page.get("token")
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InvalidRequest("/page/limit", "must be a whole number, at least 0")
        if token in (None, ""):
            return Place(self._size(limit), None)
        place = self._tokens.read(token, scope)
        # The specification's own second request leaves the limit out: it is that of the first.
        if limit is not None and self._size(limit) != place.limit:
            raise Problem(INVALID_PAGE_TOKEN, "the token was given for another `/page/limit`")
        return place

    def _size(self, limit: int | None) -> int:
        return min(self._default_page if limit is None else limit, self._largest_page)

    async def _all(
        self,
        question: Question,
        scope: bytes,
        caller: Caller,
        authorizer: Authorizer,
        now: datetime,
    ) -> list[str]:
        key = (scope, authorizer.version, authorizer.entity_version)
        async with self._turn:
            found = self._found.get(key)
            if found is None:
                found = await _allowed(question, caller, authorizer, now)
                self._found[key] = found
                if len(self._found) > _MOST_REMEMBERED:
                    self._found.popitem(last=False)
        return found


def question_from(kind: Kind, body: JsonObject) -> Question:
    """Read a search request; the sought entity's `id` is ignored; raises `InvalidRequest`."""
    subject = action = resource = None
    sought: JsonObject = {}
    if kind == "subject":
        sought = _sought(body.get("subject"), "/subject")
    else:
        subject = entity_from(body.get("subject"), "/subject")
    if kind == "resource":
        sought = _sought(body.get("resource"), "/resource")
    else:
        resource = entity_from(body.get("resource"), "/resource")
    if kind != "action":
        action = action_from(body.get("action"), "/action")
    return Question(kind, sought, subject, action, resource, object_from(body, "context", ""))


def _scope(caller: Caller, question: Question, page: JsonObject) -> bytes:
    """What a page token is bound to: what decides the results, and nothing that is ignored."""
    _, sought, subject, action, resource, context = question
    fixed = [part and part.json for part in (subject, action, resource)]
    further = {name: page[name] for name in page if name not in ("token", "limit")}
    return scope_of(caller.id, question.kind, [sought, *fixed, context, further])


def _sought(value: Any, at: str) -> JsonObject:
    entity = entity_from({**value, "id": ""} if type(value) is dict else value, at)
    return entity.json


def _candidates(question: Question, authorizer: Authorizer) -> Sequence[str]:
    if question.kind == "action":
        return authorizer.action_names()
    return authorizer.entity_ids(str(question.sought["type"]))


def _evaluations(question: Question, names: Sequence[str]) -> Iterator[Evaluation]:
    for name in names:
        subject, action, resource = question.subject, question.action, question.resource
        if question.kind == "subject":
            subject = entity_from({**question.sought, "id": name}, "/subject")
        elif question.kind == "resource":
            resource = entity_from({**question.sought, "id": name}, "/resource")
        else:
            action = Action(name, {}, {"name": name})
        assert subject is not None
        assert action is not None
        assert resource is not None
        yield Evaluation(subject, action, resource, question.context)


async def _allowed(
    question: Question, caller: Caller, authorizer: Authorizer, now: datetime
) -> list[str]:
    candidates = _candidates(question, authorizer)
    found: list[str] = []
    for first in range(0, len(candidates), _CHUNK):
        names = candidates[first : first + _CHUNK]
        outcomes = evaluate_many(list(_evaluations(question, names)), caller, authorizer, now)
        found += [name for name, outcome in zip(names, outcomes, strict=True) if outcome.allowed]
        await anyio.lowlevel.checkpoint()
    return found


def _result(question: Question, name: str) -> JsonObject:
    if question.kind == "action":
        return {"name": name}
    return {"type": question.sought["type"], "id": name}
