"""How cost grows with policies, entities and batch size, in process, and what they weigh."""

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import truediv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.workload import QUESTION, write_folder
from pdp.core.authzen import Evaluation, evaluation_from
from pdp.core.values import JsonObject
from pdp.evaluation.evaluate import evaluate, evaluate_many
from pdp.policy.authorizer import Authorizer
from pdp.policy.bundle import load_bundle
from pdp.policy.entities import EntityIndex
from pdp.trust.callers import anonymous

POLICY_COUNTS = (100, 1_000, 10_000, 100_000)
ENTITY_COUNTS = (100, 1_000, 10_000, 200_000)
BATCH_SIZES = (1, 10, 100)
_PER_FILE = 1_000
_ROUNDS = 40
_A_ROUND = 100
_DOCUMENTS = _ROUNDS * _A_ROUND
_NOW = datetime(2026, 5, 1, tzinfo=UTC)
_CALLER = anonymous(["pep"])


def write_policies(folder: Path, count: int) -> None:
    """A folder of `count` policies of mixed shapes: teams, owners, single documents, forbids."""
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, _PER_FILE):
        texts = (_policy(number) for number in range(first, min(count, first + _PER_FILE)))
        (folder / f"p{first}.cedar").write_text("\n".join(texts), "utf-8")


def _policy(number: int) -> str:
    name = f'@id("p{number}")\n'
    match number % 4:
        case 0:
            return (
                f'{name}permit (principal in Team::"t{number}", action == Action::"read",'
                f' resource in Folder::"f{number}");'
            )
        case 1:
            return (
                f'{name}permit (principal in Team::"t{number - 1}", action == Action::"write",'
                f' resource in Folder::"f{number - 1}") when {{ principal.level >= 2 }};'
            )
        case 2:
            return (
                f'{name}permit (principal == User::"u{number}", action,'
                f' resource == Document::"d{number}");'
            )
        case _:
            return (
                f'{name}forbid (principal in Team::"t{number - 3}", action == Action::"read",'
                f' resource in Folder::"f{number - 3}") when {{ resource.secret }};'
            )


def entities(users: int, teams: int) -> Iterator[JsonObject]:
    """`users` entities: half users, each in a team, and half documents, each in a folder."""
    for number in range(users // 2):
        team = 4 * (number % max(teams, 1))
        yield _entity(
            "User",
            f"u{number}",
            {"level": number % 5, "name": f"User {number}"},
            "Team",
            f"t{team}",
        )
        yield _entity(
            "Document", f"d{number}", {"secret": False, "owner": f"u{number}"}, "Folder", f"f{team}"
        )


def _entity(kind: str, name: str, attributes: JsonObject, above: str, parent: str) -> JsonObject:
    return {
        "uid": {"type": kind, "id": name},
        "attrs": attributes,
        "parents": [{"type": above, "id": parent}],
    }


def question(number: int, users: int) -> Evaluation:
    """A question about a user and the document of the same number."""
    at = (number * 7919) % max(users // 2, 1)
    return evaluation_from(
        {
            "subject": {"type": "User", "id": f"u{at}"},
            "action": {"name": "read"},
            "resource": {"type": "Document", "id": f"d{at}"},
        }
    )


def snapshot(folder: Path, policies: int, entity_count: int) -> Authorizer:
    """An authorizer over that many policies and entities."""
    write_policies(folder / "policies", policies)
    bundle = load_bundle(folder / "policies", None, now=_NOW)
    return Authorizer(bundle, EntityIndex.load(entities(entity_count, policies // 4)))


def by_policies(counts: Sequence[int] = POLICY_COUNTS) -> dict[int, float]:
    """Microseconds of one evaluation, by how many policies there are."""
    return in_turn({count: _singles(count, 1_000) for count in counts})


def by_entities(counts: Sequence[int] = ENTITY_COUNTS) -> dict[int, float]:
    """Microseconds of one evaluation, by how many entities there are."""
    return in_turn({count: _singles(1_000, count) for count in counts})


def by_batch() -> dict[int, float]:
    """Microseconds for one item, by how many items one call has: one subject, many documents."""
    with TemporaryDirectory(prefix="pdp-bench-") as name:
        write_folder(Path(name))
        bundle = load_bundle(Path(name), None, now=_NOW)
    authorizer = Authorizer(bundle, EntityIndex.load([*bundle.entities, *_documents()]))
    asked = [_about(number) for number in range(_DOCUMENTS)]
    return in_turn({size: _batched(asked, size, authorizer) for size in BATCH_SIZES})


def in_turn(works: dict[int, Callable[[int], float]], rounds: int = _ROUNDS) -> dict[int, float]:
    """Microseconds of each work, by its key; `work(n)` does the nth part and says what one took.

    Every round measures all of them one after the other, and what is compared with the first
    is the median over the rounds: a machine that gets faster or slower meanwhile does not show.
    """
    first = next(iter(works))
    took: dict[int, list[float]] = {key: [] for key in works}
    gc.collect()
    for work in works.values():
        for number in range(rounds):
            work(number)
    for number in range(rounds):
        for key, work in works.items():
            took[key].append(work(number))
    scale = statistics.median(took[first])
    return {
        key: scale * statistics.median(map(truediv, times, took[first]))
        for key, times in took.items()
    }


def _singles(policies: int, entity_count: int) -> Callable[[int], float]:
    with TemporaryDirectory(prefix="pdp-bench-") as name:
        authorizer = snapshot(Path(name), policies, entity_count)
    asked = [question(number, entity_count) for number in range(_ROUNDS * _A_ROUND)]

    def p50(number: int) -> float:
        times = []
        for evaluation in asked[number * _A_ROUND : (number + 1) * _A_ROUND]:
            began = time.perf_counter_ns()
            evaluate(evaluation, _CALLER, authorizer, _NOW)
            times.append(time.perf_counter_ns() - began)
        return statistics.median(times) / 1000

    return p50


def _documents() -> Iterator[JsonObject]:
    for number in range(_DOCUMENTS):
        attributes = {"owner": "bob@example.com", "department": "sales", "level": number % 4}
        yield _entity("Document", f"plan-{1000 + number}", attributes, "Folder", "plans")


def _about(number: int) -> Evaluation:
    document = {"type": "document", "id": f"plan-{1000 + number}"}
    return evaluation_from({**QUESTION, "resource": document})


def _batched(asked: list[Evaluation], size: int, authorizer: Authorizer) -> Callable[[int], float]:
    def share_of_one(number: int) -> float:
        start = number * _A_ROUND
        began = time.perf_counter_ns()
        for at in range(start, start + _A_ROUND, size):
            if size == 1:
                evaluate(asked[at], _CALLER, authorizer, _NOW)
            else:
                evaluate_many(asked[at : at + size], _CALLER, authorizer, _NOW)
        return (time.perf_counter_ns() - began) / _A_ROUND / 1000

    return share_of_one


def load_seconds(count: int = 10_000) -> float:
    """How long it takes to load a folder of that many policies."""
    with TemporaryDirectory(prefix="pdp-bench-") as name:
        write_policies(Path(name), count)
        began = time.perf_counter()
        load_bundle(Path(name), None, now=_NOW)
        return time.perf_counter() - began


def weights(policies: int = 50_000, entity_count: int = 100_000) -> dict[str, float]:
    """Bytes a policy and bytes an entity, each read off a fresh process beside an empty one."""
    empty = _resident(0, 0)
    return {
        "policy": (_resident(policies, 0) - empty) / policies,
        "entity": (_resident(0, entity_count) - empty) / entity_count,
    }


def _resident(policies: int, entity_count: int) -> float:
    command = [sys.executable, "-m", "bench.weigh", str(policies), str(entity_count)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(result.stdout)
    return float(found["bytes"])
