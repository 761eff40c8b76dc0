"""Metric tiles: the newest value of each metric, its change and its confidence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cs_sync.metrics.display_units import get_display_unit
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.report.data import Row
from cs_sync.report.formats import (
    MINUS,
    day,
    format_change,
    format_period,
    format_quantity,
    parse_date,
)

ChangeTone = Literal["good", "bad", "neutral"]

_GROUPS: dict[str, dict[str, tuple[str, int]]] = {
    "Revenue": {
        "mrr": ("MRR", 1),
        "arr": ("ARR", 1),
        "customers": ("Paying accounts", 1),
        "arpa": ("Average MRR per account", 1),
        "new_mrr": ("New MRR", 1),
        "expansion_mrr": ("Expansion MRR", 1),
        "churned_mrr": ("Churned MRR", -1),
    },
    "Retention": {
        "nrr": ("Net revenue retention", 1),
        "grr": ("Gross revenue retention", 1),
        "customer_churn_rate": ("Customer churn", -1),
        "gross_mrr_churn_rate": ("Gross MRR churn", -1),
        "net_mrr_churn_rate": ("Net MRR churn", -1),
        "expansion_rate": ("Expansion rate", 1),
        "quick_ratio": ("Quick ratio", 1),
        "health_score": ("Health score", 1),
    },
    "Voice of the customer": {
        "nps": ("NPS", 1),
        "csat": ("CSAT", 1),
        "ces": ("CES", 0),
        "open_tickets": ("Open tickets", -1),
        "first_reply_seconds": ("First reply", -1),
        "fcr": ("Solved at first contact", 1),
    },
    "Usage": {
        "dau": ("Daily active users", 1),
        "wau": ("Weekly active users", 1),
        "mau": ("Monthly active users", 1),
        "dau_mau": ("DAU ÷ MAU", 1),
        "activation_rate": ("Activation", 1),
    },
}
"""Heading → metric → (label, +1 where more is better, −1 where less is, 0 where it depends)."""
OTHER_METRICS = "More figures"
"""Heading of what has no place above: folded away, so that the page begins with what matters."""
_METRICS = {metric.name: metric for metric in list_builtin_metrics()}


@dataclass(frozen=True, slots=True)
class Tile:
    """One metric, ready to print."""

    metric: str
    label: str
    value: str
    period: str
    change: str
    versus: str
    feeling: ChangeTone
    n: str
    interval: str
    warning: str
    stale: bool
    other_names: tuple[str, ...]


def list_aliases() -> list[tuple[str, str, str]]:
    """Return the alternative names of metrics in alphabetical order.

    Returns:
        (alias, metric, label) per alternative name.
    """
    labels = {metric: label for group in _GROUPS.values() for metric, (label, _) in group.items()}
    named = (
        (alias, name, labels.get(name, metric.title))
        for name, metric in _METRICS.items()
        for alias in metric.aliases
    )
    return sorted(named, key=lambda pair: pair[0].lower())


def group_tiles(rows: Sequence[Row]) -> list[tuple[str, list[Tile]]]:
    """Group tiles under their headings in a fixed order; unknown metrics come last, by name.

    Args:
        rows: Rows of `cs-sync metrics`.

    Returns:
        (heading, tiles) per group with tiles.
    """
    series_by_metric: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        if not row.get("segment"):
            series = series_by_metric.setdefault(row["metric"], {})
            series.setdefault(row.get("currency") or "", []).append(row)
    grouped = {metric for group in _GROUPS.values() for metric in group}
    others = {m: (_get_title(m), 0) for m in sorted(series_by_metric) if m not in grouped}
    groups = {**_GROUPS, OTHER_METRICS: others}
    return [
        (heading, tiles)
        for heading, metrics in groups.items()
        if (tiles := list(_build_tiles(metrics, series_by_metric)))
    ]


def _build_tiles(
    metrics: dict[str, tuple[str, int]], series_by_metric: dict[str, dict[str, list[Row]]]
) -> Iterable[Tile]:
    for metric, (label, better) in metrics.items():
        series = series_by_metric.get(metric, {})
        currencies = sorted(currency for currency in series if currency)
        for currency, rows in sorted(series.items()):
            if currencies and not currency:
                continue  # the placeholder of a period without money
            name = f"{label} in {currency}" if len(currencies) > 1 else label
            yield _build_tile(metric, name, better, rows)


def _build_tile(metric: str, label: str, better: int, rows: Sequence[Row]) -> Tile:
    ordered = sorted(rows, key=lambda row: parse_date(row["period_end"]))
    newest = ordered[-1]
    before = next(
        (r for r in ordered if parse_date(r["period_end"]) == parse_date(newest["period_start"])),
        None,
    )
    unit, currency = _get_display_unit(newest), newest.get("currency")
    value = newest["value"]
    old = before["value"] if before else None
    changed = format_change(value, old, unit, currency)
    return Tile(
        metric=metric,
        label=label,
        value=format_quantity(value, unit, currency),
        period=format_period(newest["period_start"], newest["period_end"]),
        change=changed,
        versus=format_period(before["period_start"], before["period_end"]) if before else "",
        feeling=_judge_change(changed, better),
        n="" if newest.get("n") is None else f"n = {newest['n']:,}",
        interval=_format_interval(newest),
        warning=_describe_status(newest),
        stale=bool(newest.get("stale_since")) or newest.get("status") == "stale",
        other_names=_METRICS[metric].aliases if metric in _METRICS else (),
    )


def _judge_change(changed: str, better: int) -> ChangeTone:
    if not better or changed[:1] not in ("+", MINUS):
        return "neutral"
    return "good" if (changed[0] == "+") == (better > 0) else "bad"


def _get_display_unit(row: Row) -> str:
    return get_display_unit(row["metric"], str(row["unit"]))


def _format_interval(row: Row) -> str:
    if row.get("low") is None or row.get("high") is None:
        return ""
    low, high = (
        format_quantity(row[end], _get_display_unit(row), row.get("currency"))
        for end in ("low", "high")
    )
    return f"95\u202f% interval: {low} to {high}"


def _describe_status(row: Row) -> str:
    if row.get("stale_since"):
        return f"Stale since {day(parse_date(str(row['stale_since'])[:10]))}"
    if row.get("status") == "stale":
        return "Stale"
    if row.get("status") == "insufficient":
        return "Too few to judge" if row["value"] is not None else "Not enough data yet"
    return "May still change" if row.get("status") == "provisional" else ""


def _get_title(metric: str) -> str:
    """Return the registry's title of a metric; of an unknown one its name."""
    definition = _METRICS.get(metric)
    return definition.title if definition else metric.replace("_", " ").capitalize()
