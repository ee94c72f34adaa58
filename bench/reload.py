"""A folder of many policies is replaced while questions come at a fixed rate."""

import asyncio
import json
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.growth import write_policies
from bench.http import KEY, server
from bench.open_loop import Answer, OpenLoop, percentile
from bench.workload import BODY, write_folder

POLICIES = 10_000
RATE = 400.0
_GIVE_UP = 60.0


class Swap(NamedTuple):
    """What the swap of a policy set cost whoever asked meanwhile; latencies in milliseconds."""

    asked: int
    failed: int
    before: float
    during: float
    seconds: float


def measure(policies: int = POLICIES, rate: float = RATE, quiet: float = 6.0) -> Swap:
    """Ask, replace the folder, go on asking until the new set answers.

    Args:
        policies: how many policies the folder holds.
        rate: questions a second.
        quiet: seconds of asking before the change.
    """
    with TemporaryDirectory(prefix="pdp-bench-") as name:
        folder = Path(name)
        write_policies(folder / "policies", policies)
        write_folder(folder / "policies")
        with server(folder) as url:
            return asyncio.run(_swap(url, folder / "policies", rate, quiet))


async def _swap(url: str, policies: Path, rate: float, quiet: float) -> Swap:
    client = OpenLoop(url + "/access/v1/evaluation", BODY, KEY, rate)
    asking = asyncio.create_task(client.run())
    await asyncio.sleep(quiet)
    old = await asyncio.to_thread(_version, url)
    changed = time.monotonic()
    extra = policies / "p0.cedar"
    text = await asyncio.to_thread(extra.read_text, "utf-8")
    await asyncio.to_thread(
        extra.write_text, text.replace("principal.level >= 2", "principal.level >= 3"), "utf-8"
    )
    while await asyncio.to_thread(_version, url) == old:
        if time.monotonic() - changed > _GIVE_UP:
            raise RuntimeError("the changed folder was not loaded")
        await asyncio.sleep(0.1)
    swapped = time.monotonic()
    await asyncio.sleep(0.5)
    client.stop()
    await asking
    return _compared(client.answers, changed, swapped)


def _compared(answers: list[Answer], changed: float, swapped: float) -> Swap:
    warm = min(answer.due for answer in answers) + 1.0
    before = [answer for answer in answers if warm <= answer.due < changed]
    during = [answer for answer in answers if changed <= answer.due <= swapped + 0.5]
    failed = sum(1 for answer in answers if answer.status != 200)
    return Swap(
        len(answers),
        failed,
        percentile(before, 0.99),
        percentile(during, 0.99),
        swapped - changed,
    )


def _version(url: str) -> str:
    with urllib.request.urlopen(url + "/readyz") as answer:
        return str(json.loads(answer.read())["policy_version"])
