"""The report's charts as inline SVG: data in its units, coordinates in pixels of the drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 16, 44


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a chart; `kind` is a CSS class, `label` is shown on hover."""

    x: float
    y: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis with a caption."""

    low: float
    high: float
    caption: str

    def share(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1."""
        return (value - self.low) / ((self.high - self.low) or 1.0)

    @property
    def ticks(self) -> list[float]:
        """Five values from end to end."""
        return [self.low + (self.high - self.low) * step / 4 for step in range(5)]


def padded(values: Sequence[float], caption: str, *, low: float | None = None) -> Axis:
    """An axis that holds all values with a little room; `low` fixes its lower end."""
    smallest, largest = min(values), max(values)
    room = (largest - smallest) * 0.08 or abs(largest) * 0.1 or 1.0
    return Axis(smallest - room if low is None else low, largest + room, caption)


def step_chart(line: Sequence[tuple[float, float]], marks: Sequence[Mark], x: Axis, y: Axis) -> str:
    """A line that holds its value until the next point, and marks."""
    corners: list[str] = []
    for index, (at, value) in enumerate(line):
        if index:
            corners.append(f"{_px(x, at):.1f},{_py(y, line[index - 1][1]):.1f}")
        corners.append(f"{_px(x, at):.1f},{_py(y, value):.1f}")
    if line:
        corners.append(f"{_px(x, x.high):.1f},{_py(y, line[-1][1]):.1f}")
    drawn = f'<polyline class="line" points="{" ".join(corners)}"/>'
    return _frame(x, y, drawn + _dots(marks, x, y))


def scatter(marks: Sequence[Mark], x: Axis, y: Axis) -> str:
    """Marks alone."""
    return _frame(x, y, _dots(marks, x, y))


def _dots(marks: Sequence[Mark], x: Axis, y: Axis) -> str:
    return "".join(
        f'<circle class="mark {mark.kind}" cx="{_px(x, mark.x):.1f}" cy="{_py(y, mark.y):.1f}" '
        f'r="5"><title>{escape(mark.label)}</title></circle>'
        for mark in marks
    )


def _frame(x: Axis, y: Axis, inner: str) -> str:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = []
    for tick in y.ticks:
        at = _py(y, tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">'
            f"{tick:.2f}</text>"
        )
    for tick in x.ticks:
        parts.append(
            f'<text class="tick" x="{_px(x, tick):.1f}" y="{bottom + 18}" text-anchor="middle">'
            f"{tick:.0f}</text>"
        )
    parts.append(
        f'<text class="caption" x="{(_LEFT + right) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x.caption)}</text>"
        f'<text class="caption" transform="rotate(-90)" x="{-(_TOP + bottom) / 2}" y="13" '
        f'text-anchor="middle">{escape(y.caption)}</text>'
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}{inner}</svg>'


def _px(axis: Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_WIDTH - _LEFT - _RIGHT)


def _py(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM)
