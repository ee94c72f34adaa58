"""The address that a client wants to be told at, looked at before it is kept.

It is looked at again, and pinned, at each delivery.
"""

from pdp.deferral.parts import Parts
from pdp.deferral.wire import Contact
from pdp.errors import OAuthFault
from pdp.trust.outbound import OutboundFailed


async def check_contact(parts: Parts, contact: Contact) -> None:
    """Whether the address may be called, as its name resolves now; raises `OAuthFault`."""
    if contact.endpoint is None:
        return
    try:
        await parts.desk.outbound.check_destination(contact.endpoint)
    except OutboundFailed as fault:
        raise OAuthFault(
            "invalid_request", f"`notification_endpoint` cannot be called: {fault}"
        ) from None
