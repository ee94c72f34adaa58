"""`pdp serve`: one process, or a supervisor with several workers behind one socket."""

import gc
import os
import signal
import socket
import sys
import tempfile

from pdp.settings import Settings
from pdp.workers import WORKER_SOCKET, Supervisor, bind

SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def serve(settings: Settings) -> int:
    """Serve until told to stop; the exit status of the process."""
    if WORKER_SOCKET in os.environ:
        return run_worker(settings, socket.socket(fileno=int(os.environ[WORKER_SOCKET])))
    try:
        listener = bind(settings.host, settings.port)
    except OSError as error:
        print(f"cannot listen on {settings.host}:{settings.port}: {error}", file=sys.stderr)
        return 2
    if settings.workers == 1:
        return run_worker(settings, listener)
    with tempfile.TemporaryDirectory(prefix="pdp-metrics-") as shared:
        os.environ[SHARED_DIRECTORY] = shared
        again = [sys.executable, "-m", "pdp.cli", *sys.argv[1:]]
        return Supervisor(again, listener, settings.workers).run()


def run_worker(settings: Settings, listener: socket.socket) -> int:
    """Serve on an open socket in this process."""
    import uvicorn

    from pdp.app import StartFailed, create_app
    from pdp.banner import banner
    from pdp.ops.bounded_head import BoundedHead

    settings = settings.listening_on(listener.getsockname()[1])
    try:
        app = create_app(settings)
    except StartFailed as error:
        print(str(error), file=sys.stderr)
        return 2
    if WORKER_SOCKET not in os.environ:
        print(banner(settings, *listener.getsockname()[:2]), flush=True)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHead,
        ws="none",
        access_log=False,
        log_config=None,
        log_level="warning",
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    signal.signal(signal.SIGHUP, lambda number, frame: app.reload_policies())
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    uvicorn.Server(config).run(sockets=[listener])
    return 0
