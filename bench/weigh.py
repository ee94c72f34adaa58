"""A process that holds so many policies and entities and says how much memory it takes."""

import gc
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.growth import snapshot
from pdp.policy.pace import give_back_memory


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


if __name__ == "__main__":
    with TemporaryDirectory(prefix="pdp-bench-") as name:
        kept = snapshot(Path(name), int(sys.argv[1]), int(sys.argv[2]))
    gc.collect()
    give_back_memory()
    print(json.dumps({"bytes": _resident(), "policies": len(kept.bundle.policies)}))
