"""render: the report's data in, one HTML page out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from cs_sync.report import charts, formats
from cs_sync.report.data import BandCount, ReportData, Tie, Watched
from cs_sync.report.drawing import chart, extra
from cs_sync.report.movements import MOVEMENTS, Step, bridges, shown
from cs_sync.report.tiles import OTHERS, other_names, tile_groups
from cs_sync.report.warnings import warnings

_NO_SCORE = "insufficient"
_NAMED = {"red", "yellow", "green", "excellent", _NO_SCORE}
_OUTCOMES = {
    "create": "created",
    "update": "updated",
    "unchanged": "unchanged",
    "rejected": "rejected",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True)
class Bridge:
    """The MRR of one currency: chart, headline, legend and the numbers behind."""

    currency: str
    headline: str
    ties: str
    drawing: str
    legend: Sequence[tuple[str, str]]
    movements: Sequence[str]
    steps: Sequence[Step]


def render(data: ReportData) -> str:
    """The report as one HTML document that loads nothing from anywhere.

    Raises ConfigError when the `report` extra is not installed.
    """
    groups = tile_groups(data.kpis)
    tiles = [tile for _, group in groups for tile in group]
    colours = band_colours(data.bands)
    page = _template().render(
        data=data,
        groups=groups,
        others=OTHERS,
        other_names=other_names(),
        warnings=warnings(data, tiles),
        bridges=list(_bridges(data)),
        bands=data.bands,
        accounts=sum(band.accounts for band in data.bands),
        scored=sum(band.accounts for band in data.bands if band.band != _NO_SCORE),
        colours=colours,
        bands_now=_bands_now(data, colours),
        bands_over_time=_bands_over_time(data, colours),
        outcomes=[(word, data.writes.get(name, 0)) for name, word in _OUTCOMES.items()],
    )
    return str(page)


def band_colours(bands: Sequence[BandCount]) -> dict[str, str]:
    """A CSS variable per band: by name where it is a colour, else by its place."""
    return {
        band.band: f"var(--band-{band.band if band.band in _NAMED else min(place, 5)})"
        for place, band in enumerate(bands)
    }


def safe_link(link: str) -> str:
    """The link if it is plain http or https with a host, else nothing."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    return link if parts.scheme in ("http", "https") and parts.hostname else ""


def _template() -> Any:
    jinja2 = extra("jinja2")
    extra("vl_convert")
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
    environment.filters["moment"] = formats.moment
    environment.filters["safe_link"] = safe_link
    environment.filters["fallen"] = _fallen
    return environment.get_template("report.html.j2")


def _fallen(row: Watched) -> bool:
    return row.change_30d is not None and round(row.change_30d) < 0


def _bridges(data: ReportData) -> Iterator[Bridge]:
    for currency, steps in bridges(data.mrr).items():
        names = shown(steps)
        headline = _headline(steps, currency)
        yield Bridge(
            currency=currency,
            headline=headline,
            ties=_ties(data.ties, currency),
            drawing=chart(
                partial(charts.mrr_spec, steps, currency),
                f"MRR and its movements in {currency}. {headline} The numbers follow below.",
            ),
            legend=[(MOVEMENTS[name][0], charts.MOVEMENT_COLOURS[name]) for name in names],
            movements=names,
            steps=steps,
        )


def _headline(steps: Sequence[Step], currency: str) -> str:
    last = steps[-1]
    gained = sum(amount for amount in last.moves.values() if amount > 0)
    lost = -sum(amount for amount in last.moves.values() if amount < 0)
    moved = formats.change(last.closing, last.opening, "money_minor", currency)
    return (
        f"{formats.money(last.closing, currency)} at the end of {last.label}"
        f" ({moved}): {formats.money(gained, currency)} gained,"
        f" {formats.money(lost, currency)} lost."
    )


def _ties(ties: Sequence[Tie], currency: str) -> str:
    """How far the newest month's MRR in a currency can be relied upon."""
    tie = next((one for one in ties if one.currency == currency), None)
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


def _bands_now(data: ReportData, colours: Mapping[str, str]) -> str:
    if not any(band.accounts for band in data.bands):
        return ""
    label = "Accounts by band: " + ", ".join(f"{b.accounts} {b.band}" for b in data.bands)
    return chart(partial(charts.bands_now_spec, data.bands, colours), label)


def _bands_over_time(data: ReportData, colours: Mapping[str, str]) -> str:
    days = sorted({day.day for day in data.band_history})
    if len(days) < 2:
        return ""
    label = f"Accounts by band from {formats.day(days[0])} to {formats.day(days[-1])}"
    return chart(
        partial(charts.bands_over_time_spec, data.band_history, data.bands, colours), label
    )
