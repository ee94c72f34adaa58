"""Which denial a catalog is looked at for: a small value that travels, sealed, in its address.

A catalog may show only what can be asked for with the denied subject, resource and action (ARAP,
Catalog References), and a GET says nothing of them.
"""

import json
from datetime import UTC, datetime
from typing import NamedTuple

from pdp.core.values import JsonObject

SEAL = "catalog handle"
"""What the sealed bytes are for."""

_LONGEST_SUBJECT = 1500


class CatalogHandle(NamedTuple):
    """The denial behind a catalog.

    Attributes:
        caller: whom the denial was given to.
        template: the workflow that it offers.
        subject: as it was asked about; without properties when there are many.
    """

    caller: str
    template: str
    subject: JsonObject
    expires_at: datetime

    def to_bytes(self) -> bytes:
        """The handle, to be sealed."""
        subject = self.subject
        if len(json.dumps(subject)) > _LONGEST_SUBJECT:
            subject = {name: subject[name] for name in ("type", "id")}
        fields = [self.caller, self.template, subject, int(self.expires_at.timestamp())]
        return json.dumps(fields, separators=(",", ":")).encode()


def handle_from_bytes(raw: bytes) -> CatalogHandle:
    """Read what `to_bytes` wrote; raises `ValueError`."""
    try:
        caller, template, subject, end = json.loads(raw)
        return CatalogHandle(
            str(caller), str(template), dict(subject), datetime.fromtimestamp(end, UTC)
        )
    except (TypeError, OverflowError, OSError):
        raise ValueError("not a catalog handle") from None
