"""What is sent and how answers are read; pure, so that both clients behave alike.

Whatever is not known is not an approval: an unknown status, a mode other than `reevaluate`, an
answer of another shape (ARAP, Enforcement).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from pdp.core.moment import parse_moment
from pdp.core.values import JsonObject

EVALUATION = "/access/v1/evaluation"
REQUESTS = "/access/v1/requests"
TOKEN_REQUESTS = "/oauth/v1/token-requests"
POLL = "/oauth/v1/deferrals/poll"
REVOKE = "/oauth/v1/deferrals/revoke"
BACKCHANNEL = "/oauth/v1/backchannel-requests"
BACKCHANNEL_POLL = "/oauth/v1/backchannel-requests/poll"
METADATA = "/oauth/v1/metadata"

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0


class Call(NamedTuple):
    """One exchange to make."""

    method: Literal["GET", "POST"]
    path: str
    body: JsonObject | None = None
    headers: Mapping[str, str] = {}


class Answer(NamedTuple):
    """What came back; header names in lower case."""

    status: int
    body: Any
    headers: Mapping[str, str]


class CallFailed(Exception):
    """The call was not answered as it should be; `status` is None when nothing was."""

    def __init__(self, message: str, status: int | None = None, body: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class Decision(NamedTuple):
    """The answer to an evaluation; it is a permit only when the server said exactly that."""

    allowed: bool
    context: JsonObject

    @property
    def denial(self) -> JsonObject | None:
        """What a submission echoes of this denial; None when it cannot be requested."""
        hint = self.context.get("access_request")
        if self.allowed or not isinstance(hint, dict) or "expires_at" not in hint:
            return None
        named = {
            "evaluation_id": self.context.get("evaluation_id"),
            "expires_at": hint["expires_at"],
            "binding_token": hint.get("binding_token"),
            "template": hint.get("template"),
            "reason": self.context.get("reason"),
        }
        return {name: value for name, value in named.items() if value is not None}


class Request(NamedTuple):
    """An access request as its status says it is now."""

    id: str
    status: str
    expires_at: datetime
    approval: JsonObject | None
    retry_after: float | None

    @property
    def pending(self) -> bool:
        """Whether waiting may help."""
        return self.status == "pending"

    @property
    def approved(self) -> bool:
        """Whether evaluating again, with the approval, is worth while. It is no permit."""
        return self.status == "approved" and self.approval is not None


class Permit(NamedTuple):
    """What an authorization server may issue."""

    body: JsonObject

    @property
    def approval_id(self) -> str | None:
        """The approval that it rests on."""
        found = self.body.get("approval")
        return found.get("id") if isinstance(found, dict) else None


class Deferred(NamedTuple):
    """Not yet; `code` and `expires_in` only where a code was given out."""

    error: str
    body: JsonObject
    code: str | None = None
    expires_in: int | None = None
    interval: int = 5


class Refused(NamedTuple):
    """No; `status` and `body` are what the client is to be answered."""

    status: int
    error: str
    body: JsonObject


_NOT_YET = frozenset({"authorization_pending", "interaction_required", "slow_down"})


def decision_of(answer: Answer) -> Decision:
    """Read the answer to an evaluation; raises `CallFailed`."""
    body = _object(answer, 200)
    context = body.get("context")
    return Decision(body.get("decision") is True, context if isinstance(context, dict) else {})


def request_of(answer: Answer) -> Request:
    """Read a Task Handle; raises `CallFailed`."""
    body = _object(answer, 200, 201, 202)
    task, result = body.get("task"), body.get("result")
    if not isinstance(task, dict):
        raise CallFailed("the answer holds no task", answer.status, body)
    approval = None
    if isinstance(result, dict) and result.get("mode") == "reevaluate":
        approval = result.get("approval")
    try:
        expires_at = parse_moment(str(task.get("expires_at")))
    except ValueError:
        raise CallFailed("the task has no end", answer.status, body) from None
    return Request(
        str(task.get("id")),
        str(task.get("status")),
        expires_at,
        approval if isinstance(approval, dict) and "id" in approval else None,
        retry_after(answer.headers),
    )


def token_of(answer: Answer) -> Permit | Deferred | Refused:
    """Read the answer to a token request or a poll; raises `CallFailed`."""
    body = answer.body
    if not isinstance(body, dict) or answer.status in (401, 403, 429) or answer.status >= 500:
        raise CallFailed("the server did not decide", answer.status, body)
    if answer.status == 200 and body.get("outcome") == "permit":
        return Permit(body)
    error = str(body.get("error", "server_error"))
    if answer.status == 400 and error in _NOT_YET:
        code = body.get("deferral_code")
        expires_in, interval = body.get("expires_in"), body.get("interval")
        return Deferred(
            error,
            body,
            code if isinstance(code, str) else None,
            expires_in if type(expires_in) is int else None,
            interval if type(interval) is int else 5,
        )
    return Refused(answer.status, error, body)


def backchannel_of(answer: Answer) -> Permit | Deferred | Refused:
    """Read the answer to a backchannel request, whose success is to wait; raises `CallFailed`."""
    body = answer.body
    if answer.status != 200 or not isinstance(body, dict) or body.get("outcome") == "permit":
        return token_of(answer)
    handle, expires_in, interval = (
        body.get(name) for name in ("auth_req_id", "expires_in", "interval")
    )
    if not isinstance(handle, str) or type(expires_in) is not int:
        raise CallFailed("the answer holds no handle", answer.status, body)
    seconds = interval if type(interval) is int else 5
    return Deferred("authorization_pending", body, handle, expires_in, seconds)


def metadata_of(answer: Answer) -> JsonObject:
    """Read what to publish; raises `CallFailed`."""
    return _object(answer, 200)


def with_approval(evaluation: JsonObject, approval: JsonObject) -> JsonObject:
    """The same evaluation, presenting an approval."""
    context = {**(evaluation.get("context") or {}), "approval": approval}
    return {**evaluation, "context": context}


def submission(
    evaluation: JsonObject, denial: JsonObject, members: Mapping[str, Any], key: str
) -> Call:
    """Ask for what was denied; `members` are further ones, such as `requested_access`."""
    asked = {name: evaluation[name] for name in ("subject", "resource", "action")}
    context = {"context": evaluation["context"]} if "context" in evaluation else {}
    body = asked | context | dict(members) | {"denial": denial}
    return Call("POST", REQUESTS, body, {"Idempotency-Key": key})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds, where it is such a number."""
    text = headers.get("retry-after", "")
    return float(text[:9]) if text.isascii() and text.isdigit() else None


def waits(random: Callable[[], float]) -> Iterator[float]:
    """How long to wait each time, where the server does not say: longer, and never alike."""
    wait = FIRST_WAIT
    while True:
        yield wait * (0.5 + random() / 2)
        wait = min(LONGEST_WAIT, wait * 2)


def next_wait(request: Request, waits: Iterator[float], now: datetime) -> float | None:
    """Seconds until another look at a request; None when none is worth while any more."""
    left = (request.expires_at - now.astimezone(UTC)).total_seconds()
    if not request.pending or left <= 0:
        return None
    own = next(waits)
    wanted = own if request.retry_after is None else max(request.retry_after, 0.0)
    return min(wanted, left)


def _object(answer: Answer, *statuses: int) -> JsonObject:
    if answer.status not in statuses or not isinstance(answer.body, dict):
        raise CallFailed(f"answered with {answer.status}", answer.status, answer.body)
    return answer.body
