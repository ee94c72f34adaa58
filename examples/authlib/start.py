"""Starts everything: the PDP with the policies of this folder, the identity partner, and the
authorization server. Ctrl-C ends it all.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
PDP_PORT = os.environ.get("PDP_PORT", "8181")
PORT = os.environ.get("PORT", "8182")
PARTNER_PORT = os.environ.get("PARTNER_PORT", "8183")  # as in the policies: workflows.yaml
POLICIES = os.environ.get("POLICIES", "policies")
DATA = Path(os.environ.get("DATA", "data"))
BUILT = Path(sys.executable).with_name("pdp")
PDP = os.environ.get("PDP") or (str(BUILT) if BUILT.exists() else shutil.which("pdp") or "pdp")
SECRET = "whsec_aWRlbnRpdHktcGFydG5lci1leGFtcGxlLXNlY3JldA=="
PDP_URL, AS_URL = f"http://127.0.0.1:{PDP_PORT}", f"http://127.0.0.1:{PORT}"
running: list[subprocess.Popen[bytes]] = []


def start(*command: str, **environment: str) -> None:
    """Start a program."""
    running.append(subprocess.Popen(command, env={**os.environ, **environment}))


def ready(url: str) -> None:
    """Wait until there is an answer."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        with suppress(OSError), direct.open(url) as answer:
            if answer.status == 200:
                return
        if any(program.poll() is not None for program in running):
            break
        time.sleep(0.1)
    sys.exit(f"{url} does not answer")


def main() -> None:
    """Start, and wait until one of them ends."""
    os.chdir(HERE)
    DATA.mkdir(0o700, parents=True, exist_ok=True)
    start(
        *(PDP, "serve", "--demo", "--port", PDP_PORT, "--database", f"sqlite:///{DATA}/pdp.db"),
        *("--policies", POLICIES, "--schemas", f"{DATA}/no-schemas"),
        PDP_SECRETS=json.dumps({"identity-partner": SECRET}),
        PDP_LOG__LEVEL="warning",
        PDP_OUTBOUND__ALLOW_HOSTS='["127.0.0.1"]',  # the partner is on this machine
    )
    start(sys.executable, "partner.py", PORT=PARTNER_PORT, SECRET=SECRET)
    ready(f"{PDP_URL}/readyz")
    start(sys.executable, "server.py", PORT=PORT, PDP_URL=PDP_URL, DATA=str(DATA))
    ready(f"{AS_URL}/.well-known/oauth-authorization-server")
    print(
        f"\nPDP                   {PDP_URL}     queue: GET /queue/v1/tasks, Bearer demo-inbox-key"
        f"\nauthorization server  {AS_URL}"
        f"\nidentity partner      http://127.0.0.1:{PARTNER_PORT}     GET / lists what it was asked"
        "\n\nNow, in another terminal: the commands of WALKTHROUGH.md",
        flush=True,
    )
    while all(program.poll() is None for program in running):
        time.sleep(0.2)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        main()
    except KeyboardInterrupt:
        pass
    finally:
        for program in running:
            program.terminate()
        for program in running:
            program.wait()
