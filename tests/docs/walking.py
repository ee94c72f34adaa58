"""A page's own commands, run one after the other."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MARK = "---- end of block ----"


class Walk(NamedTuple):
    """What each block of commands has printed, and what the page says that it prints."""

    printed: list[str]
    shown: list[str]


def walk(page: str, folder: Path, places: dict[str, str], shell: str = "sh") -> Walk:
    """Run every block of commands of a page; the first that fails ends it.

    Args:
        places: what stands in the page, and what is in its place here.
    """
    commands: list[str] = []
    shown: list[str] = []
    for kind, text in _BLOCK.findall(page):
        if kind == "sh":
            commands.append(text)
            shown.append("")
        else:
            shown[-1] += text
    script = "set -eu\n" + "".join(f"{command}\necho '{_MARK}'\n" for command in commands)
    for said, place in places.items():
        script = script.replace(said, place)
    ran = subprocess.run(
        [shell, "-c", script], cwd=folder, capture_output=True, text=True, timeout=90
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    printed = [part.lstrip("\n") for part in ran.stdout.split(_MARK + "\n")]
    return Walk(printed[: len(shown)], shown)
