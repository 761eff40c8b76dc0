"""Rendering of a Vega-Lite specification as inline SVG."""

import importlib
import re
from collections.abc import Callable, Mapping
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

    The result is safe to embed: Vega escapes all texts, the label is escaped here.

    Args:
        spec: Builds the specification for a width in CSS pixels.
        label: The text for screen readers.
    """
    return _render_svg(spec(WIDE), label, "wide") + _render_svg(spec(NARROW), label, "narrow")


def _render_svg(spec: Mapping[str, Any], label: str, name: str) -> str:
    """Render one SVG; colours stay CSS variables, so light and dark themes share it."""
    drawn: str = import_extra("vl_convert").vegalite_to_svg(
        {**spec, "config": _THEME}, allowed_base_urls=[]
    )
    return _OPENING_TAG.sub(
        lambda match: (
            f'<svg class="chart {name}" role="img" aria-label="{escape(label)}"'
            f' viewBox="{match[1]}">'
        ),
        drawn,
        count=1,
    )
