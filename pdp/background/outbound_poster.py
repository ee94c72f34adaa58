"""Deliveries over the guarded client: looked up and checked anew at each attempt, then pinned."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import anyio

from pdp.background.credentials import Mtls
from pdp.background.deliveries import Answer, NotDelivered
from pdp.trust.outbound import Outbound, OutboundFailed


class OutboundPoster:
    """Posts through `Outbound`, from a thread of the runner.

    Args:
        outbound: the guarded client.
        clock: the present time, to read a `Retry-After` that is a date.
    """

    def __init__(self, outbound: Outbound, clock: Callable[[], datetime]) -> None:
        self._outbound = outbound
        self._clock = clock

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], certificate: Mtls | None
    ) -> Answer:
        """Send once; raises `NotDelivered` when there is no answer or the address is refused."""
        files = None if certificate is None else (certificate.certificate, certificate.key)
        try:
            fetched = anyio.run(self._outbound.send, "POST", url, headers, body, files)
        except OutboundFailed as fault:
            raise NotDelivered(str(fault)) from None
        asked = retry_after(fetched.headers.get("retry-after"), self._clock())
        return Answer(fetched.status, asked)


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """What `Retry-After` asks for, in seconds or as a date (RFC 9110); None when it is no such."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**6))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta())
