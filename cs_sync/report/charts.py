"""Vega-Lite specifications of the report's charts: data and marks, no drawing."""

from collections.abc import Mapping, Sequence
from typing import Any

from cs_sync.report.data import BandCount, BandCountOnDay
from cs_sync.report.movements import MOVEMENTS, BridgePeriod, select_movements
from cs_sync_schemas.money import to_major_units

Spec = dict[str, Any]
MOVEMENT_COLOURS = {name: f"var(--{name})" for name in MOVEMENTS}
_MONTHS = "split(utcFormat(toDate(datum.value), '%b|%Y'), '|')"
_DAYS = "split(utcFormat(toDate(datum.value), '%-d %b|%Y'), '|')"
_SHORT_AMOUNT = (
    "datum.value === 0 ? '0' : abs(datum.value) < 1 ? format(datum.value, '~g')"
    " : replace(format(datum.value, '~s'), 'G', 'B')"
)
_LABEL_WIDTH = 72
"""Pixels that a label of the time axis may claim."""
_WIDEST_STEP, _GAP = 80, 0.25
"""Pixels per period at most, so that two months are not two walls; the share between bars."""


def build_mrr_chart(steps: Sequence[BridgePeriod], currency: str, width: int) -> Spec:
    """Build the MRR chart: the level above, its movements below, on one time axis.

    Args:
        steps: The periods of one currency, oldest first.
        currency: The currency code.
        width: The width in CSS pixels.
    """
    times = [step.start.isoformat() for step in steps]
    monthly = all(step.start.day == 1 for step in steps)
    axis = _build_time_axis(times, width, _MONTHS if monthly else _DAYS)
    return {
        "vconcat": [
            _build_level_chart(steps, currency, width, axis),
            _build_movement_chart(steps, currency, width, axis),
        ]
    }


def _build_level_chart(
    steps: Sequence[BridgePeriod], currency: str, width: int, axis: Spec
) -> Spec:
    values = [
        {"time": step.start.isoformat(), "mrr": float(to_major_units(step.closing, currency))}
        for step in steps
    ]
    return {
        "width": width - 60,
        "height": 150,
        "data": {"values": values},
        "encoding": {
            "x": {**axis, "axis": None},
            "y": {
                "field": "mrr",
                "type": "quantitative",
                "scale": {"zero": True},
                "axis": _build_amount_axis(f"MRR at the end, {currency}"),
            },
        },
        "layer": [
            {"mark": {"type": "area", "color": "var(--accent)", "opacity": 0.13}},
            {
                "mark": {
                    "type": "line",
                    "color": "var(--accent)",
                    "strokeWidth": 2.5,
                    "point": {"color": "var(--accent)", "size": 30, "filled": True},
                }
            },
        ],
    }


def _build_movement_chart(
    steps: Sequence[BridgePeriod], currency: str, width: int, axis: Spec
) -> Spec:
    names = select_movements(steps)
    values = [
        {
            "time": step.start.isoformat(),
            "kind": MOVEMENTS[name][0],
            "order": order,
            "amount": float(to_major_units(step.moves[name], currency)),
        }
        for step in steps
        for order, name in enumerate(names)
    ]
    return {
        "width": width - 60,
        "height": 190,
        "data": {"values": values},
        "layer": [
            {
                "mark": {"type": "bar", "stroke": "var(--card)", "strokeWidth": 0.5},
                "encoding": {
                    "x": axis,
                    "y": {
                        "field": "amount",
                        "type": "quantitative",
                        "axis": _build_amount_axis(f"Movements, {currency}"),
                    },
                    "color": _encode_colours(
                        "kind",
                        [MOVEMENTS[name][0] for name in names],
                        [MOVEMENT_COLOURS[name] for name in names],
                    ),
                    "order": {"field": "order"},
                },
            },
            {"mark": {"type": "rule", "color": "var(--soft)"}, "encoding": {"y": {"datum": 0}}},
        ],
    }


def build_band_chart(bands: Sequence[BandCount], colours: Mapping[str, str], width: int) -> Spec:
    """Build one bar of all accounts, divided by band.

    Args:
        bands: The accounts per band.
        colours: Band → CSS colour.
        width: The width in CSS pixels.
    """
    values = [
        {"band": band.band, "order": order, "accounts": band.accounts}
        for order, band in enumerate(bands)
    ]
    return {
        "width": width,
        "height": 26,
        "padding": 0,
        "data": {"values": values},
        "mark": {"type": "bar", "height": 26, "stroke": "var(--card)", "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "accounts", "type": "quantitative", "stack": "normalize", "axis": None},
            "color": _encode_band_colours(bands, colours),
            "order": {"field": "order"},
        },
    }


def build_band_history_chart(
    days: Sequence[BandCountOnDay],
    bands: Sequence[BandCount],
    colours: Mapping[str, str],
    width: int,
) -> Spec:
    """Build the chart of accounts by band and day, worst band at the bottom.

    Args:
        days: The accounts per band and day.
        bands: The bands to show, worst first.
        colours: Band → CSS colour.
        width: The width in CSS pixels.
    """
    order = {band.band: place for place, band in enumerate(bands)}
    scored_days = [day for day in days if day.band in order]
    times = sorted({day.day.isoformat() for day in scored_days})
    values = [
        {
            "time": day.day.isoformat(),
            "band": day.band,
            "order": order[day.band],
            "accounts": day.accounts,
        }
        for day in scored_days
    ]
    return {
        "width": width - 60,
        "height": 170,
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": "var(--card)", "strokeWidth": 0.5},
        "encoding": {
            "x": _build_time_axis(times, width, _DAYS),
            "y": {
                "field": "accounts",
                "type": "quantitative",
                "axis": {**_build_amount_axis("Accounts"), "tickMinStep": 1},
            },
            "color": _encode_band_colours(bands, colours),
            "order": {"field": "order"},
        },
    }


def _build_time_axis(times: Sequence[str], width: int, words: str) -> Spec:
    """Build a time axis with as many labels as fit, always including the newest."""
    room = max(2, (width - 60) // _LABEL_WIDTH)
    step = -(-len(times) // room) if times else 1
    axis = {
        "title": None,
        "labelAngle": 0,
        "labelExpr": words,
        "values": list(times[::-1][::step])[::-1],
        "labelOverlap": False,
    }
    outer = ((width - 60) / _WIDEST_STEP - len(times) + _GAP) / 2
    scale = {"paddingInner": _GAP, "paddingOuter": max(_GAP / 2, outer)}
    return {"field": "time", "type": "ordinal", "axis": axis, "scale": scale}


def _build_amount_axis(title: str) -> Spec:
    return {"title": title, "labelExpr": _SHORT_AMOUNT, "tickCount": 4}


def _encode_band_colours(bands: Sequence[BandCount], colours: Mapping[str, str]) -> Spec:
    names = [band.band for band in bands]
    return _encode_colours("band", names, [colours[name] for name in names])


def _encode_colours(field: str, names: list[str], colours: list[str]) -> Spec:
    scale = {"domain": names, "range": colours}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}
