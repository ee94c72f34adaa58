"""Where and about what the caller wants to be called back, checked when it asks (ARAP, Callbacks).

The address is looked at again, and pinned, at each delivery.
"""

from collections.abc import Iterable
from typing import get_args

from pdp.access_request.submission import Submission
from pdp.core.authzen import InvalidRequest
from pdp.core.task import Status
from pdp.core.values import JsonObject
from pdp.core.workflow import Workflow
from pdp.errors import INVALID_REQUEST, UNSUPPORTED, Problem
from pdp.trust.callers import Caller
from pdp.trust.outbound import Outbound, OutboundFailed

_EVENTS = frozenset(get_args(Status)) - {"pending"}
_LONGEST_STATE = 2048


def callback_of(
    submission: Submission, caller: Caller, workflows: Iterable[Workflow]
) -> JsonObject | None:
    """The callback to be kept: `endpoint`, `events`, and `state` where one is given.

    Args:
        workflows: of the request; each of them may switch callbacks off.

    Raises:
        InvalidRequest: for one of the wrong shape.
        Problem: 400 for an address that is not registered for this caller, or a feature that is
            switched off.
    """
    given = submission.callback
    if given is None:
        return None
    if not all(workflow.callbacks for workflow in workflows):
        raise Problem(UNSUPPORTED, "requests of this template are not called back",
                      errors=[{"pointer": "/callback", "detail": "is switched off"}])  # fmt: skip
    endpoint = given.get("endpoint")
    if not isinstance(endpoint, str) or not endpoint:
        raise InvalidRequest("/callback/endpoint", "is required and must be an https URL")
    if not caller.may_be_called_at(endpoint):
        raise _refused("is not registered for this caller")
    kept: JsonObject = {
        "endpoint": endpoint,
        "events": _events(given.get("events"), submission.bundle),
    }
    state = given.get("state")
    if state is not None:
        if not isinstance(state, str) or len(state) > _LONGEST_STATE:
            raise InvalidRequest("/callback/state", f"must be a text of at most {_LONGEST_STATE}")
        kept["state"] = state
    return kept


async def check_address(callback: JsonObject | None, outbound: Outbound) -> None:
    """Whether the address may be contacted, as its name resolves now; raises `Problem` 400."""
    if callback is None:
        return
    try:
        await outbound.check_destination(str(callback["endpoint"]))
    except OutboundFailed as fault:
        raise _refused(f"cannot be called: {fault}") from None


def _events(events: object, bundle: bool) -> list[str]:
    possible = _EVENTS if bundle else _EVENTS - {"partial"}
    if events is None:
        return sorted(possible)
    if not isinstance(events, list) or not all(isinstance(each, str) for each in events):
        raise InvalidRequest("/callback/events", "must be an array of strings")
    known = [each for each in dict.fromkeys(events) if each in possible]
    if not known:
        wanted = ", ".join(sorted(possible))
        raise InvalidRequest("/callback/events", f"names no event of this request: {wanted}")
    return known


def _refused(detail: str) -> Problem:
    at = "/callback/endpoint"
    return Problem(INVALID_REQUEST, f"`{at}` {detail}", errors=[{"pointer": at, "detail": detail}])
