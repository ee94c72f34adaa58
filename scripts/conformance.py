"""Write docs/conformance.md: which numbered line of a specification is held by which test.

Tests carry `@pytest.mark.requirement("AZ-001", …)`. Only the sources are read, so that the page
does not depend on what is installed. With --check nothing is written; 1 if the page is not current.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path("docs/conformance.md")
_HEAD = """# Conformance

Each numbered line of what a specification asks, and the tests that hold it. Made by
`python scripts/conformance.py` from the `requirement` marks of the tests.
"""


def marks(file: Path) -> Iterator[tuple[str, str]]:
    """Requirement and test of every marked function in a file."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
                "mark.requirement"
            ):
                for argument in decorator.args:
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
        names = sorted(name for name in found if name.startswith(prefix + "-"))
        lines += [f"| {name} | {'<br>'.join(dict.fromkeys(found[name]))} |" for name in names]
        lines.append("")
    return "\n".join(lines)


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
