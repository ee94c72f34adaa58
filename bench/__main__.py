"""`python -m bench`: measure everything, print it, write docs/benchmarks.

Exit status 1 when a target is missed. With --quick little is measured, and briefly, to see that
all of this still runs: its figures mean nothing, and it misses no target.
"""

import argparse
import sys
from pathlib import Path

from bench import growth, http, page, reload

_PAGES = Path("docs/benchmarks")


def main() -> int:
    """Measure, print, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little and briefly, for tests")
    parser.add_argument("--output", type=Path, help="folder of the page; docs/benchmarks")
    options = parser.parse_args()
    found = _quick() if options.quick else _whole()
    output = options.output or (None if options.quick else _PAGES)
    if output is not None:
        page.write(found, output)
    print(page.page(found))
    held = all(target.holds for target in page.targets(found))
    return 0 if held or options.quick else 1


def _whole() -> page.Results:
    _say("over HTTP")
    runs = http.measure()
    _say("by policies")
    by_policies = growth.by_policies()
    _say("by entities")
    by_entities = growth.by_entities()
    _say("batches, loading, memory")
    batch, load, weights = growth.by_batch(), growth.load_seconds(), growth.weights()
    _say("reload under load")
    return page.Results(runs, by_policies, by_entities, batch, load, weights, reload.measure())


def _quick() -> page.Results:
    return page.Results(
        http.measure(1, 1),
        growth.by_policies((100, 400)),
        growth.by_entities((100, 400)),
        growth.by_batch(),
        growth.load_seconds(400),
        growth.weights(2_000, 2_000),
        reload.measure(400, 100.0, 1.5),
    )


def _say(what: str) -> None:
    print(f"measuring: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
