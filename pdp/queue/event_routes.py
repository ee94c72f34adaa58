"""`/queue/v1/events`: what happens to requests, as server-sent events."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse

from pdp.core.authzen import InvalidRequest
from pdp.ops.dependencies import invalid_request
from pdp.ops.problem_doc import problem_responses
from pdp.queue.asking import ActsFor, Asker, desk_of, named_in_query, sight_for
from pdp.queue.feed import EventFeed

router = APIRouter(prefix="/queue/v1/events", tags=["queue"])

_EXAMPLE = (
    'id: 7\nevent: approved\ndata: {"type": "approved", "data": {"task": {"id": "arq_1"}}}\n\n'
)
_LARGEST = 2**63 - 1


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


@router.get(
    "",
    summary="What happens, as it happens",
    response_model=None,
    response_class=EventStream,
    responses={
        200: {"content": {"text/event-stream": {"example": _EXAMPLE}}, "description": "A stream"},
        **problem_responses(),
    },
)
async def events(
    request: Request,
    caller: Asker,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[int | None, Query(ge=0, le=_LARGEST)] = None,
    approver: ActsFor = None,
) -> Any:
    """Events of the requests that the caller may see, in order, at least once.

    `Last-Event-ID`, or `after`, continues where a connection ended.
    """
    desk = desk_of(request)
    sight = sight_for(caller, named_in_query(approver, desk))
    place = after
    if last_event_id is not None:
        text = last_event_id.strip()
        if not (text.isascii() and text.isdigit()) or int(text) > _LARGEST:
            raise invalid_request(
                InvalidRequest("/header/Last-Event-ID", "must be the id of an event")
            )
        place = int(text)
    feed: EventFeed | None = getattr(request.app.state, "event_feed", None)
    if feed is None:
        feed = request.app.state.event_feed = EventFeed(desk)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(feed.listen(sight, place), headers=headers)
