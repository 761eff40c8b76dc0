"""Charts as inline SVG: Vega-Lite specifications, and small lines."""

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from types import ModuleType
from typing import Any

from cs_sync.contracts.errors import ConfigError

WIDE, NARROW = 900, 330
"""Widths in CSS pixels: every chart is drawn for a desk and for a phone."""

_THEME: Mapping[str, Any] = {
    "background": None,
    "padding": 4,
    "font": "system-ui",
    "view": {"stroke": None},
    "concat": {"spacing": 14},
    "axis": {
        "aria": False,
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 6,
    },
    "axisX": {"grid": False, "ticks": False},
    "axisY": {
        "ticks": False,
        "domain": False,
        "titleAngle": 0,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleY": -12,
        "titleX": 0,
    },
}
_ARIA = re.compile(r' (?:role="graphics-[^"]*"|aria-roledescription="[^"]*"|aria-hidden="true")')
_MARK_TIP = re.compile(r" aria-label=")
_OPENING_TAG = re.compile(r"^<svg[^>]*?viewBox=\"([^\"]*)\"[^>]*>")


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


def render_chart(spec: Callable[[int], Mapping[str, Any]], label: str) -> str:
    """Render a chart as SVG for wide and for narrow screens.

    Args:
        spec: Builds the specification for a width in CSS pixels.
        label: The text for screen readers.
    """
    return render_svg(spec(WIDE), label, "wide") + render_svg(spec(NARROW), label, "narrow")


def render_svg(spec: Mapping[str, Any], label: str, name: str) -> str:
    """Render one SVG.

    Colours stay CSS variables, so light and dark themes share it. The result is safe to embed: Vega
    escapes all texts, the label is escaped here. What a mark describes becomes its `data-tip`, for
    tooltips; screen readers get the label.
    """
    drawn: str = import_extra("vl_convert").vegalite_to_svg(
        {**spec, "config": _THEME}, allowed_base_urls=[]
    )
    drawn = _MARK_TIP.sub(" data-tip=", _ARIA.sub("", drawn))
    return _OPENING_TAG.sub(
        lambda match: (
            f'<svg class="chart {name}" role="img" aria-label="{escape(label)}"'
            f' viewBox="{match[1]}">'
        ),
        drawn,
        count=1,
    )


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
