"""Vega-Lite specifications of the report's charts: data and marks, no drawing."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cs_sync.report.data import RISK_KINDS, AgendaItem
from cs_sync.report.formats import Formats
from cs_sync.report.movements import MOVEMENTS, BridgePeriod, select_movements
from cs_sync.report.risk import RiskSum
from cs_sync_schemas.money import to_major_units

Spec = dict[str, Any]
MOVEMENT_COLOURS = {name: f"var(--{name})" for name in MOVEMENTS}
RISK_COLOURS = {kind: f"var(--risk-{kind})" for kind in RISK_KINDS}
_SHORT_AMOUNT = (
    "datum.value === 0 ? '0' : abs(datum.value) < 1 ? format(datum.value, '~g')"
    " : replace(format(datum.value, '~s'), 'G', 'B')"
)
_LABEL_WIDTH = 72
"""Pixels that a label of the time axis may claim."""
_WIDEST_STEP, _GAP = 80, 0.25
"""Pixels per period at most, so that two months are not two walls; the share between bars."""
PANEL = 400
"""Width of the charts on the first screen, in CSS pixels."""
WEEKS = 13
_LINE = {"type": "line", "color": "var(--accent)", "strokeWidth": 2.5, "aria": False}


def build_mrr_chart(
    steps: Sequence[BridgePeriod], currency: str, formats: Formats, width: int
) -> Spec:
    """Build the MRR chart.

    The level is above, its movements below, on one time axis.

    Args:
        steps: The periods of one currency, oldest first.
        currency: The currency code.
        formats: The formats of the report.
        width: The width in CSS pixels.
    """
    labels = {step.start.isoformat(): _label_month(step.start, formats) for step in steps}
    axis = _build_time_axis(labels, width)
    return {
        "vconcat": [
            _build_level_chart(steps, currency, formats, (width, axis)),
            _build_movement_chart(steps, currency, formats, (width, axis)),
        ]
    }


def _build_level_chart(
    steps: Sequence[BridgePeriod], currency: str, formats: Formats, place: tuple[int, Spec]
) -> Spec:
    width, axis = place
    values = [
        {
            "time": step.start.isoformat(),
            "mrr": float(to_major_units(step.closing, currency)),
            "tip": ": ".join(
                (formats.format_month(step.start), formats.format_money(step.closing, currency))
            ),
        }
        for step in steps
    ]
    amount = {
        "field": "mrr",
        "type": "quantitative",
        "scale": {"zero": True},
        "axis": _build_amount_axis(formats.words("report.mrr_axis", currency=currency)),
    }
    points = {"type": "point", "color": "var(--accent)", "size": 46, "filled": True, "opacity": 1}
    return {
        "width": width - 60,
        "height": 150,
        "data": {"values": values},
        "encoding": {"x": {**axis, "axis": None}, "y": amount},
        "layer": [
            {"mark": {"type": "area", "color": "var(--accent)", "opacity": 0.13, "aria": False}},
            {"mark": _LINE},
            {"mark": points, "encoding": {"description": {"field": "tip"}}},
        ],
    }


def _build_movement_chart(
    steps: Sequence[BridgePeriod], currency: str, formats: Formats, place: tuple[int, Spec]
) -> Spec:
    width, axis = place
    names = select_movements(steps)
    titles = {name: formats.words(f"report.movement.{name}") for name in names}
    values = [
        {
            "time": step.start.isoformat(),
            "kind": name,
            "order": order,
            "amount": float(to_major_units(step.moves[name], currency)),
            "tip": f"{titles[name]}, {formats.format_month(step.start)}: "
            + formats.format_money(step.moves[name], currency),
        }
        for step in steps
        for order, name in enumerate(names)
        if step.moves[name]
    ]
    amount = {
        "field": "amount",
        "type": "quantitative",
        "axis": _build_amount_axis(formats.words("report.movements_axis", currency=currency)),
    }
    bars = {
        "mark": {"type": "bar", "stroke": "var(--card)", "strokeWidth": 0.5},
        "encoding": {
            "x": axis,
            "y": amount,
            "color": _encode_colours("kind", {name: MOVEMENT_COLOURS[name] for name in names}),
            "order": {"field": "order"},
            "description": {"field": "tip"},
        },
    }
    rule = {"type": "rule", "color": "var(--soft)", "aria": False}
    zero_line = {"mark": rule, "encoding": {"y": {"datum": 0}}}
    return {
        "width": width - 60,
        "height": 190,
        "data": {"values": values},
        "layer": [bars, zero_line],
    }


def build_risk_chart(
    days: Sequence[date], sums: Sequence[RiskSum], scores: Sequence[float | None], formats: Formats
) -> Spec:
    """Build the chart of 12 months.

    The mean score is above, the MRR at risk below.

    Args:
        days: The days of the points, oldest first; the last is today.
        sums: The MRR at risk on each day.
        scores: The mean score on each day.
        formats: The formats of the report.
    """
    labels = {day.isoformat(): _label_month(day, formats) for day in days}
    axis = {**_build_time_axis(labels, PANEL), "sort": list(labels)}
    above = _build_score_part(list(zip(days, scores, strict=True)), axis, formats)
    below = _build_risk_part(list(zip(days, sums, strict=True)), axis, formats)
    return {"vconcat": [above, below], "resolve": {"scale": {"x": "shared"}}}


def _build_score_part(
    scores: Sequence[tuple[date, float | None]], axis: Spec, formats: Formats
) -> Spec:
    values = [
        {
            "time": day.isoformat(),
            "score": score,
            "tip": f"{formats.day(day)}: {formats.number(score, 1)}",
        }
        for day, score in scores
        if score is not None
    ]
    height = {
        "field": "score",
        "type": "quantitative",
        "scale": {"domain": [0, 100]},
        "axis": {**_build_amount_axis(formats.words("report.mean_score")), "tickCount": 2},
    }
    points = {"type": "point", "color": "var(--accent)", "size": 40, "filled": True, "opacity": 1}
    return {
        "width": PANEL - 60,
        "height": 52,
        "data": {"values": values},
        "encoding": {"x": {**axis, "axis": None}, "y": height},
        "layer": [
            {"mark": _LINE},
            {"mark": points, "encoding": {"description": {"field": "tip"}}},
        ],
    }


def _build_risk_part(sums: Sequence[tuple[date, RiskSum]], axis: Spec, formats: Formats) -> Spec:
    names = {kind: formats.words(f"report.risk.{kind}") for kind in RISK_KINDS}
    values = [
        {
            "time": day.isoformat(),
            "kind": kind,
            "order": order,
            "amount": float(to_major_units(total.amounts[kind], formats.currency)),
            "tip": f"{names[kind]}, {formats.day(day)}: "
            + formats.format_money(total.amounts[kind]),
        }
        for day, total in sums
        for order, kind in enumerate(RISK_KINDS)
    ]
    title = formats.words("report.risk_axis", currency=formats.currency)
    bars = _stack_bars(values, axis, title, RISK_COLOURS)
    return {"width": PANEL - 60, **bars}


def _stack_bars(
    values: Sequence[Mapping[str, Any]], axis: Spec, title: str, colours: Mapping[Any, str]
) -> Spec:
    """Stack the amounts of each time by kind."""
    amount = {
        "field": "amount",
        "type": "quantitative",
        "axis": {**_build_amount_axis(title), "tickCount": 3},
    }
    return {
        "height": 84,
        "data": {"values": values},
        "mark": {"type": "bar", "stroke": "var(--card)", "strokeWidth": 0.5},
        "encoding": {
            "x": axis,
            "y": amount,
            "color": _encode_colours("kind", colours),
            "order": {"field": "order"},
            "description": {"field": "tip"},
        },
    }


def build_agenda_chart(items: Sequence[AgendaItem], first: date, formats: Formats) -> Spec:
    """Build the chart of MRR leaving or renewing within 13 weeks.

    Args:
        items: The agenda.
        first: Today.
        formats: The formats of the report.
    """
    weeks = [first + timedelta(days=7 * n) for n in range(WEEKS)]
    labels = {week.isoformat(): [formats.short_day(week)] for week in weeks}
    values = [
        {**_sum_week(items, kind, week, formats), "order": order}
        for order, kind in enumerate(("leaving", "renewal"))
        for week in weeks
    ]
    title = formats.words("report.agenda_axis", currency=formats.currency)
    colours = {"leaving": "var(--risk-leaving)", "renewal": "var(--accent)"}
    bars = _stack_bars(values, _build_time_axis(labels, PANEL + 120), title, colours)
    return {"width": PANEL + 60, **bars}


def _sum_week(
    items: Sequence[AgendaItem], kind: str, week: date, formats: Formats
) -> dict[str, Any]:
    """Sum what leaves or renews in the week from a day on."""
    own = [
        item for item in items if item.kind == kind and week <= item.day < week + timedelta(days=7)
    ]
    total = sum(item.worth or 0 for item in own)
    tip = formats.words(
        f"report.agenda_tip.{kind}",
        len({item.account for item in own}),
        week=formats.short_day(week),
        amount=formats.format_money(total),
    )
    amount = float(to_major_units(total, formats.currency))
    return {"time": week.isoformat(), "kind": kind, "amount": amount, "tip": tip}


def _label_month(day: date, formats: Formats) -> list[str]:
    return [formats.format_short_month(day), f"{day:%Y}"]


def _build_time_axis(labels: Mapping[str, Sequence[str]], width: int) -> Spec:
    """Build a time axis with as many labels as fit.

    The newest is always included.

    Args:
        labels: ISO day → its label, one text a line.
        width: The width of the chart in CSS pixels.
    """
    times = list(labels)
    room = max(2, (width - 60) // _LABEL_WIDTH)
    step = -(-len(times) // room) if times else 1
    axis = {
        "title": None,
        "labelAngle": 0,
        "labelExpr": f"{json.dumps(labels, ensure_ascii=False)}[datum.value]",
        "values": times[::-1][::step][::-1],
        "labelOverlap": False,
    }
    outer = ((width - 60) / _WIDEST_STEP - len(times) + _GAP) / 2
    scale = {"paddingInner": _GAP, "paddingOuter": max(_GAP / 2, outer)}
    return {"field": "time", "type": "ordinal", "axis": axis, "scale": scale}


def _build_amount_axis(title: str) -> Spec:
    return {"title": title, "labelExpr": _SHORT_AMOUNT, "tickCount": 4}


def _encode_colours(field: str, colours: Mapping[Any, str]) -> Spec:
    scale = {"domain": list(colours), "range": list(colours.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}
