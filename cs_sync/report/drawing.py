"""From a Vega-Lite specification to an SVG that lives inside the page."""

import importlib
import re
from collections.abc import Callable, Mapping
from html import escape
from types import ModuleType
from typing import Any

from cs_sync.contracts.errors import ConfigError

WIDE, NARROW = 900, 330
"""Widths in CSS pixels: every chart is drawn for a desk and for a phone."""

_LOOK: Mapping[str, Any] = {
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


def extra(module: str) -> ModuleType:
    """A module of the `report` extra; raises ConfigError that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise ConfigError(
            f"the report needs {missing.name}, which is not installed",
            "pip install 'customer-success-sync[report]'",
        ) from None


def chart(spec: Callable[[int], Mapping[str, Any]], label: str) -> str:
    """SVG, twice, for wide and narrow screens; `label` is read out in its place.

    Safe to put into a page as it is: Vega escapes every text, the label is escaped here.
    """
    return _svg(spec(WIDE), label, "wide") + _svg(spec(NARROW), label, "narrow")


def _svg(spec: Mapping[str, Any], label: str, name: str) -> str:
    """Colours stay names of CSS variables, so that light and dark need no second drawing."""
    drawn: str = extra("vl_convert").vegalite_to_svg(
        {**spec, "config": _LOOK}, allowed_base_urls=[]
    )
    return _OPENING_TAG.sub(
        lambda found: (
            f'<svg class="chart {name}" role="img" aria-label="{escape(label)}"'
            f' viewBox="{found[1]}">'
        ),
        drawn,
        count=1,
    )
