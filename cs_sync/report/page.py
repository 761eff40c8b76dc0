"""The report page: data in, one HTML document out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from cs_sync.report import charts, formats
from cs_sync.report.data import BandCount, InvoiceTie, ReportData, WatchedAccount
from cs_sync.report.drawing import import_extra, render_chart
from cs_sync.report.movements import MOVEMENTS, BridgePeriod, select_movements, sum_bridge_rows
from cs_sync.report.tiles import OTHER_METRICS, group_tiles, list_aliases
from cs_sync.report.warnings import list_warnings

_NO_SCORE = "insufficient"
_COLOURED_BANDS = {"red", "yellow", "green", "excellent", _NO_SCORE}
_OUTCOMES = {
    "create": "created",
    "update": "updated",
    "unchanged": "unchanged",
    "rejected": "rejected",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True)
class BridgeSection:
    """The MRR of one currency: chart, headline, legend and figures."""

    currency: str
    headline: str
    ties: str
    drawing: str
    legend: Sequence[tuple[str, str]]
    movements: Sequence[str]
    steps: Sequence[BridgePeriod]


def render_report(data: ReportData) -> str:
    """Render the report as one HTML document without external resources.

    Args:
        data: The data of the report.

    Raises:
        ConfigError: The `report` extra is not installed.
    """
    groups = group_tiles(data.kpis)
    tiles = [tile for _, group in groups for tile in group]
    colours = assign_band_colours(data.bands)
    page = _load_template().render(
        data=data,
        groups=groups,
        others=OTHER_METRICS,
        other_names=list_aliases(),
        warnings=list_warnings(data, tiles),
        bridges=list(_build_bridge_sections(data)),
        bands=data.bands,
        accounts=sum(band.accounts for band in data.bands),
        scored=sum(band.accounts for band in data.bands if band.band != _NO_SCORE),
        colours=colours,
        bands_now=_render_band_chart(data, colours),
        bands_over_time=_render_band_history(data, colours),
        outcomes=[(word, data.writes.get(name, 0)) for name, word in _OUTCOMES.items()],
    )
    return str(page)


def assign_band_colours(bands: Sequence[BandCount]) -> dict[str, str]:
    """Map each band to a CSS variable: by name for the known bands, else by position."""
    return {
        band.band: f"var(--band-{band.band if band.band in _COLOURED_BANDS else min(place, 5)})"
        for place, band in enumerate(bands)
    }


def sanitize_link(link: str) -> str:
    """Return an http or https link with a host; an empty text for any other link."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    return link if parts.scheme in ("http", "https") and parts.hostname else ""


def _load_template() -> Any:
    jinja2 = import_extra("jinja2")
    import_extra("vl_convert")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cs_sync.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(formats, name)
        for name in ("counted", "day", "money", "number", "percent", "points", "purse")
    }
    environment.filters["moment"] = formats.format_moment
    environment.filters["safe_link"] = sanitize_link
    environment.filters["fallen"] = _has_fallen
    return environment.get_template("report.html.j2")


def _has_fallen(row: WatchedAccount) -> bool:
    return row.change_30d is not None and round(row.change_30d) < 0


def _build_bridge_sections(data: ReportData) -> Iterator[BridgeSection]:
    for currency, steps in sum_bridge_rows(data.mrr).items():
        names = select_movements(steps)
        headline = _format_headline(steps, currency)
        yield BridgeSection(
            currency=currency,
            headline=headline,
            ties=_format_tie(data.ties, currency),
            drawing=render_chart(
                partial(charts.build_mrr_chart, steps, currency),
                f"MRR and its movements in {currency}. {headline} The numbers follow below.",
            ),
            legend=[(MOVEMENTS[name][0], charts.MOVEMENT_COLOURS[name]) for name in names],
            movements=names,
            steps=steps,
        )


def _format_headline(steps: Sequence[BridgePeriod], currency: str) -> str:
    last = steps[-1]
    gained = sum(amount for amount in last.moves.values() if amount > 0)
    lost = -sum(amount for amount in last.moves.values() if amount < 0)
    moved = formats.format_change(last.closing, last.opening, "money_minor", currency)
    return (
        f"{formats.money(last.closing, currency)} at the end of {last.label}"
        f" ({moved}): {formats.money(gained, currency)} gained,"
        f" {formats.money(lost, currency)} lost."
    )


def _format_tie(ties: Sequence[InvoiceTie], currency: str) -> str:
    """Describe the part of the newest month's MRR confirmed by invoices."""
    tie = next((candidate for candidate in ties if candidate.currency == currency), None)
    if tie is None:
        return ""
    tied, mrr, unexplained, left_out = (
        formats.money(amount, currency, exact=True)
        for amount in (tie.tied, tie.mrr, tie.unexplained, tie.left_out)
    )
    end = f"at the end of {tie.month:%b %Y}"
    apart = f" {left_out} is from sources without invoices." if tie.left_out else ""
    if not tie.mrr:
        return f"No MRR {end} can be held against invoices.{apart}"
    share = formats.percent(tie.tied / tie.mrr)
    return (
        f"{share} of MRR ties to invoices {end}: {tied} of {mrr}, {unexplained} unexplained.{apart}"
    )


def _render_band_chart(data: ReportData, colours: Mapping[str, str]) -> str:
    if not any(band.accounts for band in data.bands):
        return ""
    label = "Accounts by band: " + ", ".join(f"{b.accounts} {b.band}" for b in data.bands)
    return render_chart(partial(charts.build_band_chart, data.bands, colours), label)


def _render_band_history(data: ReportData, colours: Mapping[str, str]) -> str:
    days = sorted({day.day for day in data.band_history})
    if len(days) < 2:
        return ""
    label = f"Accounts by band from {formats.day(days[0])} to {formats.day(days[-1])}"
    return render_chart(
        partial(charts.build_band_history_chart, data.band_history, data.bands, colours), label
    )
