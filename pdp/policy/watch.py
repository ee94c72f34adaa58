"""Noticing that a folder changed: events of the file system, and a look at the folder itself."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles import Change, watch

Identity = tuple[tuple[int, int, str] | None, ...]

# Between two looks at whether the folders are still the same ones, in seconds.
LOOK_EVERY = 0.5


class FolderWatch:
    """Calls `changed` from a thread of its own whenever something in the folders may be new.

    Events end when a folder is moved away or a link to it is turned elsewhere, so the folders
    themselves are looked at as well, twice a second, and watched anew when they are others.
    """

    def __init__(self, folders: Sequence[Path], changed: Callable[[], None]) -> None:
        self._folders = folders
        self._changed = changed
        self._stop = threading.Event()
        self._events_stop = threading.Event()
        self._look = threading.Thread(target=self._looking, name="policy-folder", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._look.start()

    def close(self) -> None:
        """Stop watching and wait for the threads to end."""
        self._stop.set()
        if self._look.is_alive():
            self._look.join()

    def _looking(self) -> None:
        seen = identity(self._folders)
        events = self._watching()
        while not self._stop.wait(LOOK_EVERY):
            now = identity(self._folders)
            if now != seen or not events.is_alive():
                self._end(events)
                events = self._watching()
                # What happened before the new watch began went unseen.
                self._changed()
                seen = now
        self._end(events)

    def _watching(self) -> threading.Thread:
        self._events_stop = stop = threading.Event()
        present = [folder for folder in self._folders if folder.is_dir()]
        thread = threading.Thread(
            target=self._events, args=(present, stop), name="policy-events", daemon=True
        )
        thread.start()
        return thread

    def _events(self, folders: Sequence[Path], stop: threading.Event) -> None:
        if not folders:
            stop.wait()
            return
        roots = {str(folder) for folder in folders} | {os.path.realpath(f) for f in folders}
        try:
            for changes in watch(
                *folders,
                watch_filter=None,
                debounce=50,
                step=10,
                stop_event=stop,
                rust_timeout=500,
                raise_interrupt=False,
            ):
                self._changed()
                if any(path in roots for change, path in changes if change == Change.deleted):
                    # A new folder of the same name may even have the same inode.
                    return
        except OSError:
            # The folder went away between the look and the watch; the next look begins anew.
            return

    def _end(self, events: threading.Thread) -> None:
        self._events_stop.set()
        events.join()


def identity(folders: Sequence[Path]) -> Identity:
    """What tells a folder from another one at the same path; None for one that is not there."""
    found: list[tuple[int, int, str] | None] = []
    for folder in folders:
        try:
            state = folder.stat()
            data = folder / "..data"
            found.append(
                (state.st_dev, state.st_ino, os.readlink(data) if data.is_symlink() else "")
            )
        except OSError:
            found.append(None)
    return tuple(found)
