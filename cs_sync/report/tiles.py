"""Metric tiles: the newest value of each metric, its change, its line and its confidence."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from cs_sync.metrics.display_units import get_display_unit
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.report.data import Row
from cs_sync.report.drawing import draw_line
from cs_sync.report.formats import MINUS, Formats, parse_date

ChangeTone = Literal["good", "bad", "neutral"]

TILES: Mapping[str, Mapping[str, int]] = {
    "revenue": {
        "mrr": 1,
        "customers": 1,
        "arpa": 1,
        "nrr": 1,
        "grr": 1,
        "customer_churn_rate": -1,
        "gross_mrr_churn_rate": -1,
        "net_mrr_churn_rate": -1,
    },
    "voice": {"nps": 1, "csat": 1, "ces": 0},
    "support": {"open_tickets": -1, "first_reply_seconds": -1, "fcr": 1},
    "use": {"mau": 1, "wau": 1, "dau": 1, "dau_mau": 1, "activation_rate": 1},
}
"""Section → metric → +1 where more is better, −1 where less is, 0 where it depends."""
OTHERS = "others"
"""Section of what has no place above: folded away, so that the page begins with what matters."""
TREND_METRICS = tuple(
    name for section in TILES.values() for name in section if name != "activation_rate"
)
"""Metrics with a line of the past months."""
_METRICS = {metric.name: metric for metric in list_builtin_metrics()}


class Tile(Struct, frozen=True):
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
    line: str
    other_names: tuple[str, ...]


def list_aliases(formats: Formats) -> list[tuple[str, str, str]]:
    """Return the alternative names of metrics in alphabetical order; they are English.

    Returns:
        (alias, metric, title) per alternative name.
    """
    named = (
        (alias, name, get_title(name, formats))
        for name, metric in _METRICS.items()
        for alias in metric.aliases
    )
    return sorted(named, key=lambda pair: pair[0].lower())


def build_tiles(rows: Sequence[Row], formats: Formats) -> dict[str, list[Tile]]:
    """Build the tiles by section.

    Unknown metrics are among the others, by name.

    Args:
        rows: Rows of `cs-sync metrics`.
        formats: The formats of the report.
    """
    series_by_metric: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        if not row.get("segment"):
            series = series_by_metric.setdefault(row["metric"], {})
            series.setdefault(row.get("currency") or "", []).append(row)
    placed = {metric for section in TILES.values() for metric in section}
    others = {metric: 0 for metric in sorted(series_by_metric) if metric not in placed}
    return {
        section: list(_build_section(metrics, series_by_metric, formats))
        for section, metrics in {**TILES, OTHERS: others}.items()
    }


def get_title(metric: str, formats: Formats) -> str:
    """Return a metric's title in the report's language, or its name."""
    if metric in _METRICS:
        return formats.words(f"metric.{metric}")
    return metric.replace("_", " ").capitalize()


def _build_section(
    metrics: Mapping[str, int],
    series_by_metric: Mapping[str, Mapping[str, list[Row]]],
    formats: Formats,
) -> Iterable[Tile]:
    for metric, better in metrics.items():
        series = series_by_metric.get(metric, {})
        currencies = sorted(currency for currency in series if currency)
        for currency, rows in sorted(series.items()):
            if currencies and not currency:
                continue  # the placeholder of a period without money
            title = get_title(metric, formats)
            yield _build_tile(
                f"{title} ({currency})" if len(currencies) > 1 else title, better, rows, formats
            )


def _build_tile(label: str, better: int, rows: Sequence[Row], formats: Formats) -> Tile:
    ordered = sorted(rows, key=lambda row: parse_date(row["period_end"]))
    newest = ordered[-1]
    before = next(
        (r for r in ordered if parse_date(r["period_end"]) == parse_date(newest["period_start"])),
        None,
    )
    metric, unit, currency = newest["metric"], _get_unit(newest), newest.get("currency")
    changed = formats.change(newest["value"], before["value"] if before else None, unit, currency)
    n, words = newest.get("n"), formats.words
    return Tile(
        metric=metric,
        label=label,
        value=formats.quantity(newest["value"], unit, currency),
        period=formats.period(newest["period_start"], newest["period_end"]),
        change=changed,
        versus=formats.period(before["period_start"], before["period_end"]) if before else "",
        feeling=judge_change(changed, better),
        n="" if n is None else words("report.sample", n=n),
        interval=_format_interval(newest, formats),
        warning=_describe_status(newest, formats),
        stale=bool(newest.get("stale_since")) or newest.get("status") == "stale",
        line=draw_line([row["value"] for row in ordered]),
        other_names=_METRICS[metric].aliases if metric in _METRICS else (),
    )


def judge_change(changed: str, better: int) -> ChangeTone:
    """Judge whether a formatted change is good.

    `better` is +1, −1 or 0.
    """
    if not better or changed[:1] not in ("+", MINUS):
        return "neutral"
    return "good" if (changed[0] == "+") == (better > 0) else "bad"


def _get_unit(row: Row) -> str:
    return get_display_unit(row["metric"], str(row["unit"]))


def _format_interval(row: Row, formats: Formats) -> str:
    if row.get("low") is None or row.get("high") is None:
        return ""
    low, high = (
        formats.quantity(row[end], _get_unit(row), row.get("currency")) for end in ("low", "high")
    )
    return formats.words("report.interval", low=low, high=high)


def _describe_status(row: Row, formats: Formats) -> str:
    words = formats.words
    if row.get("stale_since"):
        day = formats.day(parse_date(str(row["stale_since"])[:10]))
        return words("report.status.stale_since", day=day)
    status = row.get("status")
    if status == "stale":
        return words("report.status.stale")
    if status == "insufficient":
        return words("report.status.few" if row["value"] is not None else "report.status.none")
    return words("report.status.provisional") if status == "provisional" else ""
