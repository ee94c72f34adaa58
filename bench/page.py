"""The page with the results, and its curves."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench import http
from bench.curves import Curve, svg
from bench.reload import Swap
from bench.targets import Target, table

_HEAD = """# Benchmarks

Made by `make bench` (`python -m bench`). Absolute figures belong to the machine that they were
measured on; the ratios below are between figures of one and the same run.
"""


class Results(NamedTuple):
    """Everything that was measured."""

    runs: dict[str, list[http.Run]]
    by_policies: dict[int, float]
    by_entities: dict[int, float]
    by_batch: dict[int, float]
    load_seconds: float
    weights: dict[str, float]
    swap: Swap


def targets(found: Results) -> list[Target]:
    """What was measured against what must hold."""
    policies, entities, batch = found.by_policies, found.by_entities, found.by_batch
    swap = found.swap
    return [
        Target("evaluation over HTTP, of the floor", http.of_floor(found.runs), 0.7, True),
        Target("p99 over p50, evaluation, 32 connections", http.spread(found.runs), 3),
        Target(f"p50 at {max(policies):,} policies over {min(policies):,}", _growth(policies), 2),
        Target(f"p50 at {max(entities):,} entities over {min(entities):,}", _growth(entities), 1.3),
        Target(f"one item of {max(batch)} over a single one", _growth(batch), 0.5),
        Target("reload under load: failed requests", swap.failed, 0),
        Target("reload under load: p99 during over before", swap.during / swap.before, 5),
        Target("seconds to load 10,000 policies", found.load_seconds, 5),
        Target("bytes a policy", found.weights["policy"], 2048),
        Target("bytes an entity", found.weights["entity"], 1536),
    ]


def _growth(by_size: Mapping[int, float]) -> float:
    return by_size[max(by_size)] / by_size[min(by_size)]


def page(found: Results) -> str:
    """The page as Markdown."""
    swap = found.swap
    parts = [
        _HEAD,
        table(targets(found)),
        "## Over HTTP",
        _HTTP,
        "\n".join(http.report(found.runs)),
        "## Growth, in process",
        "Median microseconds of one `evaluate()`.",
        _growth_table("policies", found.by_policies),
        "![by policies](policies.svg)",
        _growth_table("entities", found.by_entities),
        "![by entities](entities.svg)",
        "For one item, by the number of items in a call about one subject:",
        _growth_table("items", found.by_batch),
        "![by items](batch.svg)",
        "## Reload under load",
        (
            f"{swap.asked:,} questions at a fixed rate, one file of the folder replaced meanwhile;"
            f" {swap.seconds:.1f} s until the new set answered. p99 {swap.before:.2f} ms before,"
            f" {swap.during:.2f} ms during, {swap.failed} failed. Latency counts from the moment that a"
            " question was due."
        ),
        "## The machine",
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}.",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


_HTTP = """
wrk with 32 connections on one core, the server with one worker on another; the median of several
rounds, in each of which all three were measured in turn. *Raw echo* answers with the body that
came. The *floor* parses the body strictly and asks the engine with ready policies and the four
entities as text: nobody can do less. *Evaluation* is the whole of it: authenticated, mapped,
sliced, decided, logged, counted.
"""


def _growth_table(what: str, by_size: Mapping[int, float]) -> str:
    first = by_size[min(by_size)]
    rows = [f"| {size:,} | {by_size[size] / first:.2f} | {by_size[size]:.1f} |" for size in by_size]
    return "\n".join([f"| {what} | ratio | µs |", "| ---: | ---: | ---: |", *rows])


def curves(found: Results) -> dict[str, str]:
    """The curves by file name."""
    unit = "median µs"
    first = found.by_policies[min(found.by_policies)]
    few = found.by_entities[min(found.by_entities)]
    single = found.by_batch[min(found.by_batch)]
    drawn = {
        "policies.svg": Curve(
            "One evaluation by number of policies", "policies", unit, found.by_policies, 2 * first
        ),
        "entities.svg": Curve(
            "One evaluation by number of entities", "entities", unit, found.by_entities, 1.3 * few
        ),
        "batch.svg": Curve(
            "One item by number of items in a call", "items", unit, found.by_batch, 0.5 * single
        ),
    }
    return {name: svg(curve) for name, curve in drawn.items()}


def write(found: Results, folder: Path) -> None:
    """Write the page and its curves."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(page(found), "utf-8")
    for name, text in curves(found).items():
        (folder / name).write_text(text, "utf-8")
