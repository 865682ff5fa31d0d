"""The report's charts as inline SVG: data in its units, coordinates in pixels of the drawing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 560, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 18, 48
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a chart; `kind` is a CSS class and picks the shape, `label` shows on hover."""

    x: float
    y: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis with a caption; its ticks are round numbers."""

    low: float
    high: float
    step: float
    caption: str

    def share(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """The multiples of `step` from end to end."""
        first, last = (
            math.ceil(self.low / self.step - 1e-9),
            math.floor(self.high / self.step + 1e-9),
        )
        return [number * self.step for number in range(first, last + 1)]

    def show(self, tick: float) -> str:
        """With as many decimals as the step has, and no more."""
        decimals = next((n for n in range(7) if abs(round(self.step, n) - self.step) < 1e-9), 7)
        return f"{tick + 0.0:,.{decimals}f}"


def axis(values: Sequence[float], caption: str, *, whole: bool = False) -> Axis:
    """An axis from round number to round number that holds all values; `whole` counts things."""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - (abs(low) * 0.1 or 0.5), high + (abs(high) * 0.1 or 0.5)
    step = _round_step((high - low) / 4)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if min(values) >= 0:
        first = max(first, 0)
    return Axis(first * step, max(last, first + 1) * step, step, caption)


def chart(title: str, x: Axis, y: Axis, *layers: str) -> str:
    """Axes, and on them what `line`, `level` and `dots` draw; `title` is read to the blind."""
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = [f"<title>{escape(title)}</title>"]
    for tick in y.ticks:
        at = _py(y, tick)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text class="tick" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">'
            f"{y.show(tick)}</text>"
        )
    for tick in x.ticks:
        at = _px(x, tick)
        parts.append(
            f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 5}"/>'
            f'<text class="tick" x="{at:.1f}" y="{bottom + 19}" text-anchor="middle">'
            f"{x.show(tick)}</text>"
        )
    parts.append(
        f'<text class="caption" x="{(_LEFT + right) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">'
        f"{escape(x.caption)}</text>"
        f'<text class="caption" transform="rotate(-90)" x="{-(_TOP + bottom) / 2}" y="14" '
        f'text-anchor="middle">{escape(y.caption)}</text>'
    )
    drawn = "".join(parts) + "".join(layers)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{drawn}</svg>'


def line(points: Sequence[tuple[float, float]], x: Axis, y: Axis, *, until: float) -> str:
    """A line that holds its value until the next point, and the last one `until` there."""
    corners: list[str] = []
    for index, (at, value) in enumerate(points):
        if index:
            corners.append(f"{_px(x, at):.1f},{_py(y, points[index - 1][1]):.1f}")
        corners.append(f"{_px(x, at):.1f},{_py(y, value):.1f}")
    corners.append(f"{_px(x, until):.1f},{_py(y, points[-1][1]):.1f}")
    return f'<polyline class="line" points="{" ".join(corners)}"/>'


def level(value: float, y: Axis) -> str:
    """A dashed line across the chart."""
    at = f"{_py(y, value):.1f}"
    return f'<line class="level" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>'


def rug(places: Sequence[float], x: Axis) -> str:
    """Short strokes on the lower edge: things that have a place but no comparable height."""
    bottom = _HEIGHT - _BOTTOM
    return "".join(
        f'<line class="rug" x1="{_px(x, at):.1f}" x2="{_px(x, at):.1f}" y1="{bottom - 9}" '
        f'y2="{bottom - 1}"/>'
        for at in places
    )


def dots(marks: Sequence[Mark], x: Axis, y: Axis) -> str:
    """Circles; `best` is a diamond and `initial` a square, so that no one needs the colours."""
    return "".join(_dot(mark, _px(x, mark.x), _py(y, mark.y)) for mark in marks)


def _dot(mark: Mark, x: float, y: float) -> str:
    title = f"<title>{escape(mark.label)}</title>"
    if mark.kind == "best":
        shape = f'<path class="mark best" d="M{x:.1f},{y - 8:.1f} l8,8 l-8,8 l-8,-8 z">'
        return f"{shape}{title}</path>"
    if mark.kind == "initial":
        place = f'x="{x - 5.5:.1f}" y="{y - 5.5:.1f}"'
        return f'<rect class="mark initial" {place} width="11" height="11">{title}</rect>'
    return f'<circle class="mark {mark.kind}" cx="{x:.1f}" cy="{y:.1f}" r="5">{title}</circle>'


def _round_step(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(step for step in _STEPS if step * magnitude >= rough * 0.999) * magnitude


def _px(axis: Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_WIDTH - _LEFT - _RIGHT)


def _py(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM)
