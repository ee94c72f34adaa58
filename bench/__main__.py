"""`make bench`: run everything, print each figure beside its ceiling, write docs/benchmarks."""

from pathlib import Path

from bench import growth, http
from bench.curve import curve

PAGE = Path("docs/benchmarks")
_HEAD = """# Benchmarks

Made by `make bench`. Each figure stands beside a ceiling measured in the same run, on the same
machine: quote the ratios, not the seconds. The server has one core, wrk the other.

The floor is a bare ASGI handler that parses the body strictly and asks the engine with ready
policies and the request's own four entities as JSON text.
"""


def main() -> None:
    """Measure, print and write."""
    policies, entities = growth.by_policies(), growth.by_entities()
    batch, weight = growth.by_batch(), growth.weights()
    seconds = growth.load_seconds()
    lines = [_HEAD, "## The whole server", "", *http.report(http.measure()), "", "## Growth", ""]
    lines += ["| what | found | target |", "| --- | --- | --- |"]
    lines += [
        _row("100,000 policies against 100", policies[100_000] / policies[100], 2.0),
        _row("200,000 entities against 100", entities[200_000] / entities[100], 1.3),
        _row("an item of 100 against a single one", batch[100] / batch[1], 0.5),
        _row("seconds to load 10,000 policies", seconds, 5.0),
        _row("KiB a policy", weight["policy"] / 1024, 2.0),
        _row("KiB an entity", weight["entity"] / 1024, 1.5),
    ]
    lines += ["", "![by policies](policies.svg)", "", "![by entities](entities.svg)", ""]
    PAGE.mkdir(parents=True, exist_ok=True)
    (PAGE / "README.md").write_text("\n".join(lines), "utf-8")
    (PAGE / "policies.svg").write_text(curve(policies, "policies"), "utf-8")
    (PAGE / "entities.svg").write_text(curve(entities, "entities"), "utf-8")
    print("\n".join(lines))


def _row(what: str, found: float, target: float) -> str:
    return f"| {what} | {found:.2f} | at most {target} |"


if __name__ == "__main__":
    main()
