"""The demo's machine callers and people: public by design, so only ever on a loopback address."""

import hashlib
from typing import NamedTuple


class DemoClient(NamedTuple):
    """A machine caller whose key everybody knows."""

    id: str
    key: str
    roles: tuple[str, ...]

    @property
    def key_sha256(self) -> str:
        """The hash under which the key is configured."""
        return hashlib.sha256(self.key.encode()).hexdigest()


class DemoPerson(NamedTuple):
    """A person of the demo policies who can sign in without a password."""

    id: str
    what: str


DEMO_CLIENTS = (
    DemoClient("demo-pep", "demo-pep-key", ("pep",)),
    DemoClient("demo-as", "demo-as-key", ("as",)),
    DemoClient("demo-inbox", "demo-inbox-key", ("approver_proxy",)),
    DemoClient("demo-admin", "demo-admin-key", ("admin",)),
)

DEMO_PEOPLE = (
    DemoPerson("alice@example.com", "banker: asks for the plans, has an agent act for her"),
    DemoPerson("bob@example.com", "her manager: approves what she asks for"),
    DemoPerson("carol@example.com", "fraud analyst: reviews payments"),
    DemoPerson("dana@example.com", "security: sees and revokes everything"),
)
