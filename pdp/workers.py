"""Several worker processes behind one listening socket.

The parent binds the socket, starts the workers, restarts one that dies, and passes on SIGHUP
(reload the policies). SIGTERM and SIGINT end the workers first, then the parent.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

WORKER_SOCKET = "PDP_WORKER_SOCKET"

_RESTARTS_A_MINUTE = 20
_GRACE_SECONDS = 15.0


def bind(host: str, port: int, backlog: int = 2048) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(backlog)
    listener.set_inheritable(True)
    return listener


class Supervisor:
    """Runs `count` copies of `command`, each with the listening socket in its environment."""

    def __init__(self, command: Sequence[str], listener: socket.socket, count: int) -> None:
        self._command = list(command)
        self._listener = listener
        self._count = count
        self._workers: list[subprocess.Popen[bytes]] = []
        self._stopping = False
        self._restarts: list[float] = []

    def run(self) -> int:
        """Supervise until told to stop; 0 after an orderly end, 1 when workers keep dying."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        self._workers = [self._start() for _ in range(self._count)]
        failed = False
        while not self._stopping:
            time.sleep(0.2)
            failed = not self._replace_dead()
            if failed:
                break
        self._end_workers()
        return 1 if failed else 0

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        environment = {**os.environ, WORKER_SOCKET: str(descriptor)}
        return subprocess.Popen(self._command, pass_fds=[descriptor], env=environment)

    def _replace_dead(self) -> bool:
        for index, worker in enumerate(self._workers):
            if worker.poll() is None or self._stopping:
                continue
            now = time.monotonic()
            self._restarts = [at for at in self._restarts if now - at < 60] + [now]
            if len(self._restarts) > _RESTARTS_A_MINUTE or worker.returncode == 2:
                print("workers keep ending, so this server ends too", file=sys.stderr)
                return False
            self._workers[index] = self._start()
        return True

    def _reload(self, number: int, frame: FrameType | None) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGHUP)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _end_workers(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for worker in self._workers:
            try:
                worker.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
