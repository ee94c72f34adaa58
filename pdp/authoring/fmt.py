"""`pdp fmt`: Cedar files in the conventional layout, with nothing but the layout changed."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pdp.policy import engine
from pdp.policy.locations import comments

LINE_WIDTH = 100


class Unformattable(Exception):
    """A file that is left alone; the text says why."""


def run_fmt(paths: Sequence[Path], *, check: bool = False) -> tuple[int, str]:
    """Format Cedar files and all `.cedar` files below folders.

    Args:
        check: change nothing, only say what would change.

    Returns:
        The exit status, 0 when all is well, 1 when `check` found work, 2 when a path cannot be used
        or a file cannot be formatted; and the text to print.
    """
    said: list[str] = []
    changed = failed = 0
    for path in paths:
        if not path.exists():
            said.append(f"{path}: there is no such file or folder")
            failed += 1
        for file in _files(path):
            try:
                if not _format_file(file, check):
                    continue
            except (Unformattable, OSError) as error:
                said.append(f"{file}: {error}")
                failed += 1
                continue
            changed += 1
            said.append(f"{file}: {'would be formatted' if check else 'formatted'}")
    said.append(_verdict(changed, failed, check))
    return (2 if failed else 1 if check and changed else 0), "\n".join(said)


def formatted(text: str) -> str:
    """The text in the conventional layout.

    Raises:
        Unformattable: it is not Cedar, or formatting would lose a comment or change a policy.
    """
    if not text.strip():
        return text
    try:
        new = engine.format_text(text, LINE_WIDTH)
        before, after = engine.parse_policies(text), engine.parse_policies(new)
    except engine.CedarSyntaxError as error:
        raise Unformattable(f"this cannot be parsed: {error}") from None
    if [each.est for each in before] != [each.est for each in after]:
        raise Unformattable("formatting would change what a policy says")
    if Counter(comments(text)) != Counter(comments(new)):
        raise Unformattable("formatting would lose a comment: put each on a line of its own")
    return new


def _verdict(changed: int, failed: int, check: bool) -> str:
    done = f"{changed} {'file' if changed == 1 else 'files'}"
    done += " would be formatted" if check else " formatted"
    return f"{done}, {failed} not usable" if failed else done


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for root, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(names) if name.endswith(".cedar"))


def _format_file(file: Path, check: bool) -> bool:
    """Whether the file is, or would be, changed."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        raise Unformattable("this is not UTF-8") from None
    new = formatted(text)
    if new == text:
        return False
    if not check:
        _replace(file, new)
    return True


def _replace(file: Path, text: str) -> None:
    """Write by renaming, so that a server watching the folder never reads half a file."""
    target = file.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".fmt-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        os.chmod(name, target.stat().st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
