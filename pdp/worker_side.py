"""What a worker process knows of the parent that started it."""

import os
import signal
import socket
import threading

INHERITED = "PDP_WORKER_SOCKET"
"""In a worker's environment: the descriptors of the listening socket, of the lifeline, which closes
when the parent ends, and for the first worker of the pipe that `say_ready` writes into."""


def inherited_socket() -> socket.socket | None:
    """The listening socket that this worker was started with; None in a process that is none."""
    handed = _handed()
    return socket.socket(fileno=handed[0]) if handed else None


def say_ready() -> None:
    """Tell the parent, if it waits for that, that this worker can answer."""
    for ready in _handed()[2:]:
        os.write(ready, b"1")
        os.close(ready)


def end_with_parent() -> None:
    """End this worker in order when its parent is no more, so that it keeps no socket for ever."""
    for lifeline in _handed()[1:2]:
        threading.Thread(target=_outlive, args=(lifeline,), daemon=True).start()


def _outlive(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _handed() -> list[int]:
    text = os.environ.get(INHERITED, "")
    return [int(descriptor) for descriptor in text.split(",") if descriptor]
