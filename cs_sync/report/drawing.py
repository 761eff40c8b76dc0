"""Charts as inline SVG: stacked bars and lines on one time axis, and small lines."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from html import escape
from math import ceil, floor, log10, sqrt
from types import ModuleType

from msgspec import Struct

from cs_sync.contracts.errors import ConfigError
from cs_sync.report.charts import Chart, Panel

WIDTHS = {"wide": 1180, "middle": 720, "narrow": 330}
"""In CSS pixels: every chart is drawn for a desk, a tablet or print, and a phone."""

LEFT, RIGHT, TITLE, SPACE, LINE = 52, 8, 24, 14, 15
"""Pixels left of the axis, right of it, above a panel, between panels, of a line of text."""
_LABEL_WIDTH = 72
"""Pixels that a label of the time axis may claim."""
_WIDEST_STEP, _GAP = 80, 0.25
"""Pixels per place at most, so that two months are not two walls; the share between bars."""
_POINT = 3.8
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def import_extra(module: str) -> ModuleType:
    """Import a module of the `report` extra.

    Raises:
        ConfigError: The module is not installed; the remedy says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise ConfigError(
            f"the report needs {missing.name}, which is not installed",
            "pip install 'customer-success-sync[report]'",
        ) from None


def render_chart(build: Callable[[int], Chart], label: str) -> str:
    """Render a chart as SVG for wide, middle and narrow screens.

    Args:
        build: Builds the chart for a width in CSS pixels.
        label: The text for screen readers.
    """
    return "".join(render_svg(build(width), label, name) for name, width in WIDTHS.items())


def render_svg(chart: Chart, label: str, name: str) -> str:
    """Render one SVG, safe to embed: all texts are escaped.

    Colours stay CSS variables, so light and dark themes share it. What a mark says is its
    `data-tip`, for tooltips; screen readers get the label.
    """
    places = _arrange_places(chart)
    parts: list[str] = []
    top = 0.0
    for panel in chart.panels:
        top += TITLE
        parts += _draw_panel(panel, places, chart.width, top)
        top += panel.height + SPACE
    parts += _draw_labels(chart, places, top - SPACE + LINE)
    height = top - SPACE + LINE * (0.5 + max(map(len, chart.labels), default=0))
    return (
        f'<svg class="chart {name}" role="img" aria-label="{escape(label)}"'
        f' viewBox="0 0 {chart.width} {_format(height)}">{"".join(parts)}</svg>'
    )


class Places(Struct, frozen=True):
    """The left edges of the bars, their width, and the numbers of the places with a label."""

    edges: Sequence[float]
    width: float
    labelled: Sequence[int]

    def find_middle(self, place: int) -> float:
        """Return the middle of a place."""
        return self.edges[place] + self.width / 2


def choose_ticks(low: float, high: float, count: int) -> list[float]:
    """Choose about so many round values from below `low` to above `high`.

    Steps are 1, 2 or 5 times a power of ten, the nearest to even parts (as D3 chooses them).
    """
    if low == high:
        high = low + 1
    raw = (high - low) / count
    power = 10.0 ** floor(log10(raw))
    rest = raw / power
    factor = 10 if rest >= sqrt(50) else 5 if rest >= sqrt(10) else 2 if rest >= sqrt(2) else 1
    step = factor * power
    first, last = floor(low / step), ceil(high / step)
    return [number * step for number in range(first, last + 1)]


def format_short(value: float) -> str:
    """Format an amount of an axis: 1.2k, 3M, −500."""
    for unit, letter in _UNITS:
        if abs(value) >= unit:
            return f"{value / unit:g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def _arrange_places(chart: Chart) -> Places:
    """Divide the width among the places.

    As many as fit have labels, the newest always.
    """
    count, width = len(chart.labels), chart.width - LEFT - RIGHT
    outer = max(_GAP / 2, (width / _WIDEST_STEP - count + _GAP) / 2)
    step = width / max(count - _GAP + 2 * outer, 1)
    edges = [LEFT + (outer + place) * step for place in range(count)]
    every = ceil(count / max(2, width // _LABEL_WIDTH)) if count else 1
    return Places(edges, step * (1 - _GAP), range(count)[::-1][::every][::-1])


def _draw_panel(panel: Panel, places: Places, width: int, top: float) -> Iterator[str]:
    low, high = _find_extent(panel)
    ticks = choose_ticks(low, high, panel.ticks)
    first, last = ticks[0], ticks[-1]

    def find_height(value: float) -> float:
        return top + panel.height * (last - value) / (last - first)

    yield _draw_text(0, top - 10, panel.title, "start")
    for tick in ticks:
        y = _format(find_height(tick))
        colour = "var(--soft)" if tick == 0 and panel.shape == "bars" else "var(--line)"
        yield f'<path d="M{LEFT} {y}H{width - RIGHT}" stroke="{colour}"/>'
        yield _draw_text(LEFT - 6, find_height(tick) + 4, format_short(tick), "end")
    if panel.shape == "bars":
        yield from _draw_bars(panel, places, find_height)
    else:
        yield from _draw_points(panel, places, find_height)


def _find_extent(panel: Panel) -> tuple[float, float]:
    """Find the lowest and highest end of the marks.

    Zero is always on the axis.
    """
    if panel.top is not None:
        return 0, panel.top
    if panel.shape != "bars":
        values = [mark.value for mark in panel.marks]
        return min([0, *values]), max([0, *values])
    ends = [end for _, start, stop, _, _ in _stack(panel) for end in (start, stop)]
    return min([0, *ends]), max([0, *ends])


def _stack(panel: Panel) -> Iterator[tuple[int, float, float, str, str]]:
    """Yield (place, start, end, tip, colour) of bars: gains upwards, losses downwards."""
    reached: dict[tuple[int, bool], float] = {}
    for mark in panel.marks:
        key = mark.place, mark.value < 0
        start = reached.get(key, 0.0)
        reached[key] = start + mark.value
        if mark.value:
            yield mark.place, start, reached[key], mark.tip, mark.colour


def _draw_bars(
    panel: Panel, places: Places, find_height: Callable[[float], float]
) -> Iterator[str]:
    for place, start, end, tip, colour in _stack(panel):
        upper, lower = sorted((find_height(start), find_height(end)))
        yield (
            f'<rect x="{_format(places.edges[place])}" y="{_format(upper)}"'
            f' width="{_format(places.width)}" height="{_format(lower - upper)}"'
            f' fill="{colour}" stroke="var(--card)" stroke-width="0.5"'
            f' data-tip="{escape(tip)}"/>'
        )


def _draw_points(
    panel: Panel, places: Places, find_height: Callable[[float], float]
) -> Iterator[str]:
    if not panel.marks:
        return
    points = [(places.find_middle(mark.place), find_height(mark.value)) for mark in panel.marks]
    line = "L".join(f"{_format(x)} {_format(y)}" for x, y in points)
    if panel.shape == "area":
        base = _format(find_height(0))
        under = f"M{_format(points[0][0])} {base}L{line}L{_format(points[-1][0])} {base}Z"
        yield f'<path d="{under}" fill="var(--accent)" opacity="0.13"/>'
    yield f'<path d="M{line}" fill="none" stroke="var(--accent)" stroke-width="2.5"/>'
    for mark, (x, y) in zip(panel.marks, points, strict=True):
        yield (
            f'<circle cx="{_format(x)}" cy="{_format(y)}" r="{_POINT}" fill="{mark.colour}"'
            f' data-tip="{escape(mark.tip)}"/>'
        )


def _draw_labels(chart: Chart, places: Places, top: float) -> Iterator[str]:
    for place in places.labelled:
        for number, text in enumerate(chart.labels[place]):
            yield _draw_text(places.find_middle(place), top + LINE * number, text, "middle")


def _draw_text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{_format(x)}" y="{_format(y)}" text-anchor="{anchor}" font-size="12"'
        f' fill="var(--soft)">{escape(text)}</text>'
    )


def _format(number: float) -> str:
    """Format a coordinate; a tenth of a pixel is not seen."""
    return f"{number:.1f}".removesuffix(".0")


def draw_line(values: Sequence[float | None]) -> str:
    """Draw a small line of values, oldest first.

    Empty with fewer than two.
    """
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(value for _, value in known), max(value for _, value in known)
    span = (high - low) or 1.0
    points = " ".join(
        f"{place * 100 / (len(values) - 1):.1f},{22 - 20 * (value - low) / span:.1f}"
        for place, value in known
    )
    return (
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">'
        f'<polyline points="{points}"/></svg>'
    )
