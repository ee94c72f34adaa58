"""Write docs/conformance.md: which numbered line of a specification is held by which test.

Tests carry `@pytest.mark.requirement("AZ-001", …)`. Only the sources are read, so that the page
does not depend on what is installed. With --check nothing is written; 1 if the page is not current.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path("docs/conformance.md")
LINES = {"ARAP": 229}
"""How many numbered lines a specification has here, where all of them are to be held."""
ELSEWHERE = {
    "ARAP-060": "[operations](operations.md#access-requests): subjects, actors and their credential",
    "ARAP-110": "[operations](operations.md#what-to-watch): hosts keep time by NTP, and are watched",
    "ARAP-156": "no status is added to those of the profile, so none has to be documented",
    "ARAP-164": "no status is added to those of the profile, so none has to be documented",
    "ARAP-220": "`tests/access_request/test_catalogs.py`: catalogs have this server's own addresses",
}
"""Lines that no single test can hold, and what holds them."""
_HEAD = """# Conformance

Each numbered line of what a specification asks, and the tests that hold it. Made by
`python scripts/conformance.py` from the `requirement` marks of the tests.
"""


def marks(file: Path) -> Iterator[tuple[str, str]]:
    """Requirement and test of every marked function in a file."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        # Also the marks of single parameters, which stand within `parametrize`.
        for call in (each for decorator in node.decorator_list for each in ast.walk(decorator)):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.requirement"):
                for argument in call.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value, node.name


def page() -> str:
    """The page as it should be."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path("tests").rglob("test_*.py")):
        for requirement, test in marks(file):
            found.setdefault(requirement, []).append(f"`{file}::{test}`")
    lines = [_HEAD]
    for prefix in sorted({name.split("-")[0] for name in found}):
        lines += [f"## {prefix}", "", "| line | tests |", "| --- | --- |"]
        names = {name for name in found if name.startswith(prefix + "-")}
        names |= {f"{prefix}-{n:03}" for n in range(1, LINES.get(prefix, 0) + 1)}
        lines += [f"| {name} | {held(name, found)} |" for name in sorted(names)]
        lines.append("")
        if prefix in LINES:
            missing = [name for name in names if not found.get(name) and name not in ELSEWHERE]
            lines += [f"Of {LINES[prefix]} lines, {len(missing)} are held by nothing.", ""]
    return "\n".join(lines)


def held(name: str, found: dict[str, list[str]]) -> str:
    """What holds a line, as the cell of a table."""
    return "<br>".join(dict.fromkeys(found.get(name, ()))) or ELSEWHERE.get(name, "**nothing**")


def main() -> int:
    """Write the page, or check it."""
    wanted = page()
    if "--check" not in sys.argv:
        PAGE.write_text(wanted, "utf-8")
        return 0
    current = PAGE.read_text("utf-8") if PAGE.exists() else ""
    if current == wanted:
        return 0
    print(f"{PAGE} is not current: run `python scripts/conformance.py`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
