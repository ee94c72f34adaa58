"""A Python program whose clock is ahead by the seconds that stand in the file `TEST_CLOCK`."""

import os
import runpy
import sys
import time
from pathlib import Path

_FILE = Path(os.environ["TEST_CLOCK"])
_time = time.time


def moved() -> float:
    """The present time, moved."""
    return _time() + float(_FILE.read_text())


if __name__ == "__main__":
    time.time = moved
    program = Path(sys.argv[1])
    sys.path[0] = str(program.parent)
    runpy.run_path(str(program), run_name="__main__")
