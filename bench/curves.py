"""Curves as SVG, readable on light and dark pages, with no outside resource."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_WIDTH, _HEIGHT = 640, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 44, 54
_STYLE = """
text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:15px;font-weight:600}
.axis{stroke:#888;stroke-width:1}.grid{stroke:#8884;stroke-width:1}
.line{fill:none;stroke:#1f6feb;stroke-width:2}.dot{fill:#1f6feb}
.limit{stroke:#c2410c;stroke-width:1.5;stroke-dasharray:6 4}.note{fill:#c2410c}
@media (prefers-color-scheme:dark){text{fill:#e6e6e6}.line{stroke:#6cb6ff}.dot{fill:#6cb6ff}
.limit{stroke:#ff9d5c}.note{fill:#ff9d5c}}
"""


class Curve(NamedTuple):
    """What to draw: points by x, the labels, and the limit that the points should stay under."""

    title: str
    x_label: str
    y_label: str
    points: Mapping[int, float]
    limit: float | None = None


def svg(curve: Curve) -> str:
    """The curve as a document; x is logarithmic, y begins at 0."""
    top = _round_up(max([*curve.points.values(), curve.limit or 0.0]))
    xs = sorted(curve.points)
    low, high = math.log10(xs[0]), math.log10(xs[-1])
    across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        share = (math.log10(x) - low) / ((high - low) or 1)
        return _LEFT + share * across, _TOP + (1 - y / top) * down

    spots = [place(x, curve.points[x]) for x in xs]
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{html.escape(curve.title)}"><style>{_STYLE}</style>'
        ),
        _text(_WIDTH / 2, 24, curve.title, "middle", "title"),
        *_y_axis(top, place(xs[0], 0)[1], down),
        *(_text(place(x, 0)[0], _HEIGHT - 32, f"{x:,}", "middle") for x in xs),
        _text(_WIDTH / 2, _HEIGHT - 10, curve.x_label, "middle"),
        _turned(curve.y_label),
        *_limit(curve.limit, place(xs[0], curve.limit or 0)[1]),
        _polyline(spots),
        *(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in spots),
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _y_axis(top: float, bottom: float, down: float) -> list[str]:
    parts = []
    for step in range(5):
        y = bottom - down * step / 4
        kind = "grid" if step else "axis"
        parts.append(
            f'<line class="{kind}" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>'
        )
        parts.append(_text(_LEFT - 8, y + 4, f"{top * step / 4:g}", "end"))
    parts.append(
        f'<line class="axis" x1="{_LEFT}" y1="{bottom - down:.1f}" x2="{_LEFT}" y2="{bottom:.1f}"/>'
    )
    return parts


def _limit(limit: float | None, y: float) -> list[str]:
    if limit is None:
        return []
    right = _WIDTH - _RIGHT
    line = f'<line class="limit" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
    return [line, _text(right, y - 6, "target", "end", "note")]


def _polyline(spots: Sequence[tuple[float, float]]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    return f'<polyline class="line" points="{points}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _turned(text: str) -> str:
    y = _HEIGHT / 2
    shown = html.escape(text)
    return (
        f'<text transform="translate(18 {y:.0f}) rotate(-90)" text-anchor="middle">{shown}</text>'
    )


def _round_up(value: float) -> float:
    size = 10.0 ** math.floor(math.log10(value))
    return next(size * step for step in (1, 2, 4, 6, 8, 10) if size * step >= value)
