"""`POST /access/v1/search/{subject,resource,action}`."""

from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from pdp.evaluation.search import Kind, Search
from pdp.ops.json_endpoint import Call, Handler
from pdp.policy.authorizer import Authorizer


class SearchRoutes:
    """The handlers of the three searches, for one server."""

    def __init__(
        self,
        search: Search,
        authorizer: Callable[[], Authorizer],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._search = search
        self._authorizer = authorizer
        self._clock = clock

    def handler(self, kind: Kind) -> Handler:
        """The handler of one kind of search (AuthZEN 1.0, sections 8.4 to 8.6)."""

        async def search(call: Call) -> bytes:
            authorizer = self._authorizer()
            page = await self._search.page(kind, call.body, call.caller, authorizer, self._clock())
            call.exchange.notes["policy_version"] = authorizer.version
            call.exchange.notes["results"] = len(page.results)
            return orjson.dumps(
                {
                    "page": {
                        "next_token": page.next_token,
                        "count": len(page.results),
                        "total": page.total,
                    },
                    "results": page.results,
                }
            )

        return search
