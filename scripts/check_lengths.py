"""Fail when a module of the product has grown too long to be read in one go."""

import sys
from pathlib import Path

MOST_LINES = 300


def main() -> int:
    """Print every file that is too long; 1 if there is one."""
    too_long = [
        f"{file}: {lines} lines, at most {MOST_LINES}"
        for file in sorted(Path("pdp").rglob("*.py"))
        if (lines := len(file.read_text("utf-8").splitlines())) > MOST_LINES
    ]
    print("\n".join(too_long), end="\n" if too_long else "")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
