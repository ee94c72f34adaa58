"""Write docs/reference: settings, metrics, command line, lints and errors, each from the code.

With --check nothing is written; 1 if a page is not current.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import typer
from prometheus_client import Metric
from typer.main import get_command

from pdp import errors
from pdp.cli import app
from pdp.errors import Kind
from pdp.ops.metrics import Metrics
from pdp.policy.lint import LINTS
from pdp.settings.reference import render

FOLDER = Path("docs/reference")
_WIDTH = 88


def settings() -> str:
    """Every key of the configuration."""
    return render()


def metrics() -> str:
    """Every metric, in the order of its making."""
    fresh = Metrics()
    registered: Iterable[Metric] = fresh.registry.collect()
    labels = {
        collector._name: getattr(collector, "_labelnames", ())
        for collector in list(fresh.registry._collector_to_names)
    }
    rows = [
        f"| `{metric.name}{'_total' if metric.type == 'counter' else ''}` | {metric.type} "
        f"| {', '.join(f'`{label}`' for label in labels.get(metric.name, ())) or '-'} "
        f"| {metric.documentation} |"
        for metric in registered
    ]
    head = (
        "# Metrics\n\n`GET /metrics`, in the text format of Prometheus. With several workers the"
        " counters and\nhistograms are sums over all of them; of a gauge the largest value among"
        " the living ones is\nshown. Labels take values from small fixed sets; the one exception is"
        " the policy version.\n\n| metric | type | labels | what |\n| --- | --- | --- | --- |"
    )
    return "\n".join([head, *rows]) + "\n"


def command_line() -> str:
    """The help of every command."""
    top = get_command(app)
    parts = [
        "# The command `pdp`",
        (
            "Exit status: 0 all is well, 1 what was asked fell short, 2 the call or its files could not"
            "\nbe used."
        ),
        *_commands(top, "pdp", None),
    ]
    return "\n\n".join(parts) + "\n"


def _commands(command: typer.core.TyperCommand, name: str, parent: object) -> Iterable[str]:
    context = typer.Context(command, info_name=name, parent=parent)  # type: ignore[arg-type]
    below = getattr(command, "commands", {})
    if not below:
        yield f"## `{name if parent is None else context.command_path}`"
        yield (command.help or "").strip().replace("Example: ", "Example: `") + _closing(command)
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            yield "\n".join(["| argument or option | what |", "| --- | --- |", *rows])
    for inner in below.values():
        yield from _commands(inner, inner.name, context)


def _closing(command: typer.core.TyperCommand) -> str:
    return "`" if "Example: " in (command.help or "") else ""


def _row(parameter: object) -> str:
    names = [*getattr(parameter, "opts", []), *getattr(parameter, "secondary_opts", [])]
    if getattr(parameter, "param_type_name", "") == "argument":
        names = [str(getattr(parameter, "name", "")).upper()]
    text = (getattr(parameter, "help", "") or "").replace("|", "\\|")
    return f"| {', '.join(f'`{name}`' for name in names)} | {text} |"


def lints() -> str:
    """Every lint of `pdp check`."""
    rows = [f"| `{name}` | {text} |" for name, text in LINTS.items()]
    head = (
        "# Lints\n\nWhat `pdp check` and the loading of a policy folder find, by the id that stands"
        " in brackets. A\ncomment `// pdp:allow <id> <reason>` in front of a policy accepts a"
        " warning there.\n\n| id | what |\n| --- | --- |"
    )
    return "\n".join([head, *rows]) + "\n"


def problems() -> str:
    """Every kind of problem document."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, Kind)]
    rows = [f"| `{kind.type}` | {kind.status} | {kind.title} |" for kind in kinds]
    head = (
        "# Errors\n\nEvery error but those of the OAuth API is a problem document (RFC 9457),"
        "\n`application/problem+json`, with `type`, `title`, `status`, mostly a `detail` for people,"
        " and in\n`errors` the JSON Pointer and the reason of each single fault. Every answer has an"
        " `X-Request-ID`,\nwhich finds the line of the log.\n\n| type | status | title |"
        "\n| --- | --- | --- |"
    )
    return "\n".join([head, *rows]) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "metrics.md": metrics,
    "cli.md": command_line,
    "lints.md": lints,
    "errors.md": problems,
}


def main() -> int:
    """Write the pages, or check them."""
    stale = []
    for name, make in PAGES.items():
        page, wanted = FOLDER / name, make()
        if "--check" not in sys.argv:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(wanted, "utf-8")
        elif not page.exists() or page.read_text("utf-8") != wanted:
            stale.append(str(page))
    for page_name in stale:
        print(f"{page_name} is not current: run `python scripts/reference.py`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
