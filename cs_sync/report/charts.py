"""The report's charts: their panels, marks and texts; no drawing."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from cs_sync.report.data import RISK_KINDS, AgendaItem
from cs_sync.report.formats import Formats
from cs_sync.report.movements import MOVEMENTS, BridgePeriod, select_movements
from cs_sync.report.risk import RiskSum
from cs_sync_schemas.money import to_major_units

ACCENT = "var(--accent)"
MOVEMENT_COLOURS = {name: f"var(--{name})" for name in MOVEMENTS}
RISK_COLOURS = {kind: f"var(--risk-{kind})" for kind in RISK_KINDS}
PANEL = 400
"""Width of the charts on the first screen, in CSS pixels."""
WEEKS = 13


class Mark(Struct, frozen=True):
    """One value at a place of the time axis; bars of one place are stacked in their order."""

    place: int
    value: float
    tip: str
    colour: str = ACCENT


class Panel(Struct, frozen=True):
    """One part of a chart with an axis of its own; an area is a filled line."""

    title: str
    height: int
    shape: Literal["bars", "line", "area"]
    marks: Sequence[Mark]
    ticks: int = 4
    top: float | None = None
    """The end of the axis; None: above the largest value."""


class Chart(Struct, frozen=True):
    """Panels one below the other, on one time axis."""

    width: int
    labels: Sequence[Sequence[str]]
    """Place → its label, one text a line."""
    panels: Sequence[Panel]


def build_mrr_chart(
    steps: Sequence[BridgePeriod], currency: str, formats: Formats, width: int
) -> Chart:
    """Build the MRR chart: the level above, its movements below.

    Args:
        steps: The periods of one currency, oldest first.
        currency: The currency code.
        formats: The formats of the report.
        width: The width in CSS pixels.
    """
    levels = [
        Mark(
            place,
            float(to_major_units(step.closing, currency)),
            f"{formats.format_month(step.start)}: {formats.format_money(step.closing, currency)}",
        )
        for place, step in enumerate(steps)
    ]
    level = formats.words("report.mrr_axis", currency=currency)
    movements = formats.words("report.movements_axis", currency=currency)
    moves = _list_moves(steps, currency, formats)
    return Chart(
        width,
        [_label_month(step.start, formats) for step in steps],
        [Panel(level, 150, "area", levels), Panel(movements, 190, "bars", moves)],
    )


def _list_moves(steps: Sequence[BridgePeriod], currency: str, formats: Formats) -> list[Mark]:
    titles = {name: formats.words(f"report.movement.{name}") for name in select_movements(steps)}
    return [
        Mark(
            place,
            float(to_major_units(step.moves[name], currency)),
            f"{title}, {formats.format_month(step.start)}: "
            + formats.format_money(step.moves[name], currency),
            MOVEMENT_COLOURS[name],
        )
        for place, step in enumerate(steps)
        for name, title in titles.items()
        if step.moves[name]
    ]


def build_risk_chart(
    days: Sequence[date], sums: Sequence[RiskSum], scores: Sequence[float | None], formats: Formats
) -> Chart:
    """Build the chart of 12 months.

    The mean score is above, the MRR at risk below.

    Args:
        days: The days of the points, oldest first; the last is today.
        sums: The MRR at risk on each day.
        scores: The mean score on each day.
        formats: The formats of the report.
    """
    points = [
        Mark(place, score, f"{formats.day(day)}: {formats.number(score, 1)}")
        for place, (day, score) in enumerate(zip(days, scores, strict=True))
        if score is not None
    ]
    names = {kind: formats.words(f"report.risk.{kind}") for kind in RISK_KINDS}
    at_risk = [
        Mark(
            place,
            float(to_major_units(total.amounts[kind], formats.currency)),
            f"{names[kind]}, {formats.day(day)}: " + formats.format_money(total.amounts[kind]),
            RISK_COLOURS[kind],
        )
        for place, (day, total) in enumerate(zip(days, sums, strict=True))
        for kind in RISK_KINDS
    ]
    title = formats.words("report.risk_axis", currency=formats.currency)
    return Chart(
        PANEL,
        [_label_month(day, formats) for day in days],
        [
            Panel(formats.words("report.mean_score"), 52, "line", points, ticks=2, top=100),
            Panel(title, 84, "bars", at_risk, ticks=3),
        ],
    )


def build_agenda_chart(items: Sequence[AgendaItem], first: date, formats: Formats) -> Chart:
    """Build the chart of MRR leaving or renewing within 13 weeks.

    Args:
        items: The agenda.
        first: Today.
        formats: The formats of the report.
    """
    weeks = [first + timedelta(days=7 * n) for n in range(WEEKS)]
    colours = {"leaving": RISK_COLOURS["leaving"], "renewal": ACCENT}
    marks = [
        _sum_week(items, (place, week), (kind, colour), formats)
        for place, week in enumerate(weeks)
        for kind, colour in colours.items()
    ]
    title = formats.words("report.agenda_axis", currency=formats.currency)
    labels = [[formats.short_day(week)] for week in weeks]
    return Chart(PANEL, labels, [Panel(title, 84, "bars", marks, ticks=3)])


def _sum_week(
    items: Sequence[AgendaItem], at: tuple[int, date], drawn: tuple[str, str], formats: Formats
) -> Mark:
    """Sum what leaves or renews in the week from a day on."""
    (place, week), (kind, colour) = at, drawn
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
    return Mark(place, float(to_major_units(total, formats.currency)), tip, colour)


def _label_month(day: date, formats: Formats) -> list[str]:
    return [formats.format_short_month(day), f"{day:%Y}"]
