"""What must hold, beside what was measured."""

from typing import NamedTuple


class Target(NamedTuple):
    """One figure and the limit that it is held to."""

    name: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the figure is on the right side of its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def row(self) -> str:
        """The target as a row of a Markdown table."""
        sign = ">=" if self.at_least else "<="
        verdict = "yes" if self.holds else "**no**"
        return f"| {self.name} | {self.value:.2f} | {sign} {self.limit:g} | {verdict} |"


HEAD = "| what | measured | target | holds |\n| --- | ---: | ---: | --- |"


def table(targets: list[Target]) -> str:
    """All targets as a Markdown table."""
    return "\n".join([HEAD, *(target.row() for target in targets)])
