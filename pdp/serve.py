"""`pdp serve`: one process, or a supervisor with several workers behind one socket."""

import gc
import os
import signal
import socket
import sys
import tempfile

from pdp.ops.metrics import SHARED_DIRECTORY
from pdp.settings import Settings
from pdp.worker_side import end_with_parent, inherited_socket, say_ready
from pdp.workers import Supervisor, bind


def serve(settings: Settings) -> int:
    """Serve until told to stop; the exit status of the process."""
    _take_signals()
    inherited = inherited_socket()
    if inherited is not None:
        end_with_parent()
        return run_worker(settings, inherited)
    try:
        listener = bind(settings.host, settings.port)
    except OSError as error:
        print(f"cannot listen on {settings.host}:{settings.port}: {error}", file=sys.stderr)
        return 2
    known = settings.listening_on(listener.getsockname()[1])
    if settings.workers == 1:
        return run_worker(settings, listener, greet=True)
    with tempfile.TemporaryDirectory(prefix="pdp-metrics-") as shared:
        os.environ[SHARED_DIRECTORY] = shared
        again = [sys.executable, "-m", "pdp.cli", *sys.argv[1:]]
        return Supervisor(
            again, listener, settings.workers, lambda: _greet(known, listener), _forget_gauges
        ).run()


def run_worker(settings: Settings, listener: socket.socket, *, greet: bool = False) -> int:
    """Serve on an open socket in this process."""
    import uvicorn

    from pdp.app import StartFailed, create_app
    from pdp.ops.bounded_head import BoundedHead

    settings = settings.listening_on(listener.getsockname()[1])
    try:
        app = create_app(settings)
    except StartFailed as error:
        print(str(error), file=sys.stderr)
        return 2
    if greet:
        _greet(settings, listener)
    say_ready()
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


def _take_signals() -> None:
    # The HTTP server raises SIGTERM and SIGINT anew when all is closed: an orderly end is status 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    # What asks for a reload during the start is served by the start, which reads the folder.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


def _greet(settings: Settings, listener: socket.socket) -> None:
    from pdp.banner import banner

    print(banner(settings, *listener.getsockname()[:2]), flush=True)


def _forget_gauges(pid: int) -> None:
    """Take the gauges of a worker that is no more out of what is scraped."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
