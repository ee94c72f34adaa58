"""Several worker processes behind one listening socket.

The parent binds the socket, starts one worker and, when that one can answer, the others; it
replaces one that dies and passes on SIGHUP (reload the policies). SIGTERM and SIGINT end the
workers first, then the parent. A worker whose parent is no more ends by itself.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from pdp.worker_side import INHERITED

_MOST_DEATHS_A_MINUTE = 20
_GRACE_SECONDS = 15.0
_LOOK_SECONDS = 0.2
_RETRY_SECONDS = 2.0
_CANNOT_START = 2


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
    """Runs `count` copies of `command`, each with the listening socket in its environment.

    Args:
        command: starts a worker.
        listener: the socket that all workers accept from.
        count: how many workers there are.
        on_ready: called once, when the first worker can answer.
        on_death: called with the process id of a worker that has ended by itself.
    """

    def __init__(
        self,
        command: Sequence[str],
        listener: socket.socket,
        count: int,
        on_ready: Callable[[], object] = lambda: None,
        on_death: Callable[[int], object] = lambda pid: None,
    ) -> None:
        self._command = list(command)
        self._listener = listener
        self._count = count
        self._on_ready = on_ready
        self._on_death = on_death
        self._workers: list[subprocess.Popen[bytes]] = []
        self._due: dict[int, float] = {}
        self._deaths: list[float] = []
        self._stopping = False
        # Nobody writes into it: that it closes tells a worker that this process is no more.
        self._lifeline, self._held = os.pipe()

    def run(self) -> int:
        """Supervise until told to stop.

        Returns:
            The exit status: 0 after an orderly end, 2 when no worker can start (the last one has
            said why), 1 when workers keep dying.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        status = self._start_first()
        if status is None and not self._stopping:
            self._on_ready()
            self._workers += [self._start() for _ in range(self._count - 1)]
            while not self._stopping and status is None:
                time.sleep(_LOOK_SECONDS)
                status = self._replace_dead(time.monotonic())
        self._end_workers()
        return status or 0

    def _start_first(self) -> int | None:
        """Start one worker and wait until it can answer; else the exit status."""
        ready, told = os.pipe()
        self._workers = [self._start(told)]
        os.close(told)
        try:
            while not self._stopping:
                if select.select([ready], [], [], _LOOK_SECONDS)[0]:
                    return None if os.read(ready, 1) else self._workers[0].wait() or 1
        finally:
            os.close(ready)
        return None

    def _start(self, *ready: int) -> subprocess.Popen[bytes]:
        handed = [self._listener.fileno(), self._lifeline, *ready]
        environment = {**os.environ, INHERITED: ",".join(map(str, handed))}
        return subprocess.Popen(
            self._command, pass_fds=handed, env=environment, preexec_fn=_ignore_reload
        )

    def _replace_dead(self, now: float) -> int | None:
        """Start anew what has died; the exit status when there is no use in going on."""
        for index, worker in enumerate(self._workers):
            if worker.poll() is None or self._stopping:
                continue
            if index not in self._due:
                self._on_death(worker.pid)
                self._due[index] = now + self._pause_after(worker.returncode, now)
            if self._due[index] <= now:
                del self._due[index]
                self._workers[index] = self._start()
        if len(self._deaths) > _MOST_DEATHS_A_MINUTE:
            print("workers keep ending, so this server ends too", file=sys.stderr)
            return 1
        return 2 if all(each.poll() == _CANNOT_START for each in self._workers) else None

    def _pause_after(self, status: int, now: float) -> float:
        # One that cannot start, as when the folder is broken, must not take down those that serve.
        if status == _CANNOT_START:
            return _RETRY_SECONDS
        self._deaths = [at for at in self._deaths if now - at < 60] + [now]
        return 0.0

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


def _ignore_reload() -> None:
    # A worker that is still starting reads the folder anyway, and must not die of a reload.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
