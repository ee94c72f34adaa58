"""The secret by which a step that waits for an answer is answered or visited."""

import base64
from typing import Protocol


class Macs(Protocol):
    """Keyed MACs of this deployment, the same on every replica."""

    def mac(self, purpose: str, data: bytes) -> bytes:
        """32 bytes that only this deployment can compute."""


def reply_token(macs: Macs, interaction_id: str) -> str:
    """The secret of an interaction; computed anew each time, never kept."""
    tag = macs.mac("interaction", interaction_id.encode())
    return base64.urlsafe_b64encode(tag).rstrip(b"=").decode()
