"""The report page: data in, one HTML document out."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import resources
from typing import Any

from msgspec import Struct

from cs_sync.report import charts, drawing, first_screen
from cs_sync.report.data import RISK_KINDS, InvoiceTie, ReportData, ReportedAccount
from cs_sync.report.detail_counts import count_details
from cs_sync.report.drawing import import_extra, render_chart
from cs_sync.report.expected_churn import describe_period, format_interval, list_basis
from cs_sync.report.formats import Formats
from cs_sync.report.groups import build_cohort_rows, count_migration, group_accounts
from cs_sync.report.movements import BridgePeriod, select_movements, sum_bridge_rows
from cs_sync.report.notices import list_notices
from cs_sync.report.payload import (
    MAX_ACCOUNTS,
    NO_BAND,
    build_anchors,
    build_payload,
    encode_payload,
)
from cs_sync.report.risk import RiskSum, sort_by_attention, sum_owed
from cs_sync.report.summary import ReportSummary, summarize_report
from cs_sync.report.tiles import OTHERS, build_tiles, list_aliases
from cs_sync.report.verdict import build_verdict

STATIC_ACCOUNTS = 50
"""Accounts in the page itself, for readers without scripts and for print."""
_COLOURED_BANDS = {"red", "yellow", "green", "excellent", NO_BAND}
DEEP_FROM = 85
"""Percent from which a cell of a heat map is so dark that its text is light."""
KEY_AGES = (0, 1, 3, 6, 12)
"""Months since the first MRR that a phone shows."""
MAX_TOPICS = 12
"""Topics shown at once; the others are folded."""
_OUTCOMES = ("create", "update", "unchanged", "rejected", "unknown")


class BridgeSection(Struct, frozen=True):
    """The MRR of one currency: chart, headline, and figures; `title` is the switch's text."""

    title: str
    currency: str
    headline: str
    ties: str
    drawing: str
    movements: Sequence[str]
    steps: Sequence[BridgePeriod]


STATE = ("run", "writes", "streams", "unattributed", "destination", "notices", "generated_at")
"""Fields of `ReportData` that say how the report was made: `complete_page` shows them."""


class ReportPage(Struct, frozen=True):
    """The page but for the state of its making, and what it says in short."""

    html: str
    """With a comment in each place that `complete_page` fills."""
    summary: ReportSummary
    risk: RiskSum


def render_report(data: ReportData) -> str:
    """Render the report as one HTML document without external resources.

    Args:
        data: The data of the report.

    Raises:
        ConfigError: The `report` extra is not installed.
    """
    return complete_page(_render_sections(data), data)


def build_page(data: ReportData) -> ReportPage:
    """Build the page, which rests on no field of `STATE`.

    Args:
        data: The data of the report.

    Raises:
        ConfigError: The `report` extra is not installed.
    """
    html = _render_sections(data)
    return ReportPage(html, summarize_report(data), first_screen.answer_risk(data).now)


def complete_page(html: str, data: ReportData) -> str:
    """Complete a page with moment, notices and state of the sources."""
    formats = Formats(data.words, data.timezone, data.currency)
    tiles = build_tiles(data.kpis, formats).values()
    state = _load_template("state.html.j2").make_module({
        "data": data,
        "t": partial(_translate, formats),
        "f": formats,
        "notices": list_notices(data, [tile for group in tiles for tile in group], formats),
        "outcomes": [(name, data.writes.get(name, 0)) for name in _OUTCOMES],
    })  # fmt: skip
    for part in ("facts", "sources", "footer"):
        html = html.replace(f"<!--{part}-->", str(getattr(state, part)()).strip())
    return html


def _render_sections(data: ReportData) -> str:
    formats = Formats(data.words, data.timezone, data.currency)
    tiles = build_tiles(data.kpis, formats)
    paying = (account for account in data.accounts if account.is_customer)
    customers = sort_by_attention(paying, sum_owed(data.agenda))
    anchors = build_anchors(customers)
    script = (resources.files("cs_sync.report") / "templates" / "report.js").read_text("utf-8")
    calls = first_screen.list_calls(data)
    page = _load_template("report.html.j2").render(
        data=data,
        t=partial(_translate, formats),
        f=formats,
        anchors=anchors,
        customers=customers,
        shown=select_static_accounts(customers, calls),
        most=MAX_ACCOUNTS,
        payload=encode_payload(build_payload(data, customers, anchors, formats)),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        calls=calls,
        owners=_list_names(customers, "owner"),
        plans=_list_names(customers, "plan"),
        segments=_list_names(customers, "segment"),
        bands=[*data.bands, NO_BAND],
        kinds=RISK_KINDS,
        colours=assign_band_colours([*data.bands, NO_BAND]),
        tiles=tiles,
        others=OTHERS,
        aliases=list_aliases(formats) if data.words.language == "en" else [],
        bridges=list(_build_bridge_sections(data, formats)),
        max_topics=MAX_TOPICS,
        deep_from=DEEP_FROM,
        key_ages=KEY_AGES,
        **_build_groups(data, customers),
        **_build_answers(data, formats),
    )
    return str(page)


def assign_band_colours(bands: Sequence[str]) -> dict[str, str]:
    """Map each band to a CSS variable, by name or position."""
    return {
        band: f"var(--band-{band if band in _COLOURED_BANDS else min(place, 5)})"
        for place, band in enumerate(bands)
    }


def select_static_accounts(
    customers: Sequence[ReportedAccount], calls: Sequence[first_screen.Call]
) -> list[ReportedAccount]:
    """Select the accounts that matter most or need a call, in order."""
    called = {call.task.account for call in calls}
    return [
        account
        for place, account in enumerate(customers)
        if place < STATIC_ACCOUNTS or account.id in called
    ]


def _load_template(name: str) -> Any:
    import_extra("jinja2")
    from cs_sync.report.template import load_template

    return load_template(name)


def _translate(formats: Formats, key: str, n: int | None = None, **fields: Any) -> str:
    """Return a message of the report, for the template."""
    texts = {name: str(value) for name, value in fields.items()}
    return formats.words(f"report.{key}", n, **texts)


def _list_names(customers: Sequence[ReportedAccount], field: str) -> list[str]:
    return sorted({getattr(account, field) for account in customers} - {""})


def _sum_band_mrr(customers: Sequence[ReportedAccount]) -> Counter[str | None]:
    money: Counter[str | None] = Counter()
    for account in customers:
        money[account.now.band] += account.now.mrr
    return money


def _build_groups(data: ReportData, customers: Sequence[ReportedAccount]) -> dict[str, Any]:
    """Build the tables that group accounts."""
    return {
        "band_counts": Counter(account.now.band for account in customers),
        "band_mrr": _sum_band_mrr(customers),
        "cohorts": build_cohort_rows(data),
        "by_plan": group_accounts(data.accounts, lambda account: account.plan),
        "by_segment": group_accounts(data.accounts, lambda account: account.segment),
        "by_owner": group_accounts(data.accounts, lambda account: account.owner),
        "migration": _build_migration(data),
        "details": count_details(customers),
    }


def _build_answers(data: ReportData, formats: Formats) -> dict[str, Any]:
    """Build the answers of the first screen with their charts."""
    risk, trend = first_screen.answer_risk(data), first_screen.answer_trend(data)
    agenda = first_screen.answer_agenda(data)
    words, loss = formats.words, data.expected_churn
    trend_chart = agenda_chart = ""
    if trend.sums and trend.sums[-1].mrr and len(trend.days) > 1:
        label = words("report.trend_label", since=formats.day(trend.days[0]))
        chart = charts.build_risk_chart(trend.days, trend.sums, trend.scores, formats)
        trend_chart = drawing.render_svg(chart, label, "panel")
    if any(item.kind != "unpaid" for item in agenda.items):
        chart = charts.build_agenda_chart(agenda.items, data.as_of, formats)
        agenda_chart = drawing.render_svg(chart, words("report.agenda_label"), "panel")
    return {
        "risk": risk,
        "risk_kinds": first_screen.count_kinds(risk.now),
        "trend": trend,
        "trend_chart": trend_chart,
        "agenda": agenda,
        "agenda_chart": agenda_chart,
        "month_rows": first_screen.list_month_rows(data.month) if data.month else [],
        "names": {account.id: account.name for account in data.accounts},
        "month_changes": first_screen.list_month_changes(data),
        "max_calls": first_screen.CALLS,
        "max_agenda": first_screen.AGENDA_LINES,
        "loss_title": loss and describe_period(loss, formats),
        "loss_interval": loss and format_interval(loss, formats),
        "order_basis": list(list_basis(data, formats)),
        "verdict": data.backtest and build_verdict(data.backtest, formats),
    }


def _build_bridge_sections(data: ReportData, formats: Formats) -> Iterator[BridgeSection]:
    """Yield the bridges, each currency by itself.

    The converted one comes first if there are several.
    """
    own = sum_bridge_rows(data.mrr)
    converted = sum_bridge_rows(data.mrr_converted).get(data.currency)
    if converted and len(own) > 1:
        title = formats.words("report.all_in", currency=data.currency)
        yield _build_bridge_section(title, data.currency, converted, (), formats)
    for currency, steps in own.items():
        yield _build_bridge_section(currency, currency, steps, data.ties, formats)


def _build_bridge_section(
    title: str,
    currency: str,
    steps: Sequence[BridgePeriod],
    ties: Sequence[InvoiceTie],
    formats: Formats,
) -> BridgeSection:
    headline = _format_headline(steps, currency, formats)
    return BridgeSection(
        title=title,
        currency=currency,
        headline=headline,
        ties=_format_tie(ties, currency, formats),
        drawing=render_chart(
            partial(charts.build_mrr_chart, steps, currency, formats),
            formats.words("report.mrr_label", headline=headline),
        ),
        movements=select_movements(steps),
        steps=steps,
    )


def _format_headline(steps: Sequence[BridgePeriod], currency: str, formats: Formats) -> str:
    last = steps[-1]
    gained = sum(amount for amount in last.moves.values() if amount > 0)
    lost = -sum(amount for amount in last.moves.values() if amount < 0)
    return formats.words(
        "report.mrr_headline",
        closing=formats.format_money(last.closing, currency),
        period=formats.period(last.start, last.end),
        change=formats.change(last.closing, last.opening, "money_minor", currency) or "–",
        gained=formats.format_money(gained, currency),
        lost=formats.format_money(lost, currency),
    )


def _format_tie(ties: Sequence[InvoiceTie], currency: str, formats: Formats) -> str:
    """Describe the part of the newest month's MRR confirmed by invoices."""
    tie = next((candidate for candidate in ties if candidate.currency == currency), None)
    if tie is None:
        return ""
    words, month = formats.words, formats.format_month(tie.month)

    def money(amount: int) -> str:
        return formats.format_money(amount, currency, exact=True)

    apart = " " + words("report.tie_apart", amount=money(tie.left_out)) if tie.left_out else ""
    if not tie.mrr:
        return words("report.tie_none", month=month) + apart
    text = words(
        "report.tie",
        share=formats.percent(tie.tied / tie.mrr),
        month=month,
        tied=money(tie.tied),
        mrr=money(tie.mrr),
        unexplained=money(tie.unexplained),
    )
    return text + apart


def _build_migration(data: ReportData) -> dict[str, Any]:
    """Build the matrix of bands from the earliest month to today.

    The earliest month with customers.
    """
    pairs = [(account.past[-3].band if len(account.past) > 2 else None, account.now.band)
             for account in data.accounts]  # fmt: skip
    counts = count_migration(pairs)
    bands = [band for band in (*data.bands, NO_BAND) if any(band in pair for pair in counts)]
    since = data.months[-3] if len(data.months) > 2 else None
    return {"counts": counts, "bands": bands, "since": since}
