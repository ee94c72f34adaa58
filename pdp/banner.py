"""What `pdp serve` prints when it is ready: where to look, and in the demo how to get in."""

from pdp.demo import DEMO_CLIENTS, DEMO_PEOPLE
from pdp.settings import Settings


def banner(settings: Settings, host: str, port: int) -> str:
    """The lines for a terminal."""
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    lines = [
        f"authzen-pdp listens on {url} and is known as {settings.base_url}",
        f"  API reference  {url}/docs",
    ]
    if settings.demo:
        lines.append("demo: these keys and people are public, keep this on your own machine")
        for client in DEMO_CLIENTS:
            roles = ", ".join(client.roles)
            lines.append(f"  key {client.key:<14} is `{client.id}` ({roles})")
        for person in DEMO_PEOPLE:
            lines.append(f"  person {person.id:<22} {person.what}")
    return "\n".join(lines)
