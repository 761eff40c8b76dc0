"""The report: what the store knows today, as one HTML file."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.jobs.late_use import incomplete_days
from cs_sync.jobs.metrics import metrics, mrr
from cs_sync.jobs.questions import open_questions
from cs_sync.jobs.reconcile import reconciled
from cs_sync.jobs.score import Scored, score_all
from cs_sync.jobs.topics import newest_topics
from cs_sync.jobs.unattributed import newest_unattributed, unattributed_shares
from cs_sync.jobs.watch_list import watch_list
from cs_sync.jobs.workspace import Workspace
from cs_sync.metrics.periods import add_months, last_whole_period
from cs_sync.metrics.reconcile.compare import Compared
from cs_sync.store.crm import remote_accounts
from cs_sync.store.health import band_history
from cs_sync.store.lookup import mrr_at
from cs_sync.store.runs import read_runs
from cs_sync.store.states import read_cursors

FILE = "cs_sync_report.html"
MONTHS = 24
QUOTES = 3
BANDS = ("red", "yellow", "green", "excellent", "insufficient")


def report(workspace: Workspace) -> Path:
    """Write the report beside the configuration; its path."""
    scored = score_all(workspace, workspace.today)
    return write_report(workspace, scored, newest_kpis(workspace), _late_use(workspace))


def _late_use(workspace: Workspace) -> list[str]:
    """What use may be incomplete; nothing without the keys of the sources: a report needs none."""
    try:
        return incomplete_days(workspace, workspace.sources())
    except ConfigError:
        return []


def newest_kpis(workspace: Workspace) -> list[dict[str, Any]]:
    """Every metric for the last whole month and the one before it."""
    zone = str(workspace.config.workspace.timezone)
    newest = last_whole_period(workspace.today, "month", zone)
    return metrics(workspace, since=add_months(newest.start, -1), until=newest.end)


def write_report(
    workspace: Workspace,
    scored: Sequence[Scored],
    kpis: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> Path:
    """Render and replace the file in one step, so that nobody sees half of it.

    Nobody but its owner may read it, as there are people in it.
    """
    from cs_sync.report import render

    path = workspace.config.folder / FILE
    draft = path.with_suffix(".part")
    try:
        page = render(_data(workspace, scored, kpis, notes))
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(page, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}",
            "free the path, or move the configuration",
        ) from error
    return path


def _data(
    workspace: Workspace,
    scored: Sequence[Scored],
    kpis: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> Any:
    from cs_sync.report import ReportData

    settings, now = workspace.config, workspace.clock()
    customers = [s for s in scored if s.is_customer]
    with workspace.store.read() as connection:
        paying = mrr_at(connection, now)
        history = band_history(connection, settings.health.mode, workspace.today - timedelta(90))
        newest = next(iter(read_runs(connection, 1)), None)
        links = {
            account: records
            for name in reversed(settings.write_back.destinations)
            for account, records in remote_accounts(connection, name).items()
        }
        cursors = read_cursors(connection)
    return ReportData(
        workspace=settings.workspace.name,
        generated_at=now,
        as_of=workspace.today,
        timezone=settings.workspace.timezone,
        run=_run_line(newest),
        kpis=_with_a_value(kpis),
        mrr=mrr(workspace, since=_first_month(workspace.today), until=workspace.today),
        bands=_bands(customers, paying),
        band_history=_history(history),
        watch_list=_watched(watch_list(workspace, customers), links),
        destination=" and ".join(settings.write_back.destinations) or "the CRM",
        writes=newest["writes"] if newest else {},
        streams=_freshness(newest, cursors),
        said=_said(newest_topics(workspace)),
        ties=_ties(workspace),
        unattributed=_unattributed(workspace),
        notes=tuple(dict.fromkeys([*notes, *open_questions(workspace)])),
    )


def _with_a_value(kpis: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of metrics that are known for the newest period: a page of dashes helps nobody."""
    newest = max((row["period_end"] for row in kpis), default=None)
    known = {
        (row["metric"], row["currency"])
        for row in kpis
        if row["period_end"] == newest and row["value"] is not None
    }
    return [row for row in kpis if (row["metric"], row["currency"]) in known]


def _first_month(today: date) -> date:
    return add_months(today.replace(day=1), -MONTHS)


def _run_line(run: Mapping[str, Any] | None) -> Any:
    from cs_sync.report import RunLine

    if run is None:
        return None
    return RunLine(run["id"], run["status"], run["started_at"], run["ended_at"])


def _bands(scored: Sequence[Scored], paying: Mapping[str, Mapping[str, int]]) -> list[Any]:
    from cs_sync.report import BandCount

    money: dict[str, Counter[str]] = {band: Counter() for band in BANDS}
    for one in scored:
        money[one.score.band].update(paying.get(one.account["id"], {}))
    counts = Counter(one.score.band for one in scored)
    return [BandCount(band, counts[band], dict(money[band])) for band in BANDS if counts[band]]


def _history(rows: Sequence[tuple[date, str, int]]) -> list[Any]:
    from cs_sync.report import BandDay

    return [BandDay(*row) for row in rows]


def _watched(
    rows: Sequence[Mapping[str, Any]], links: Mapping[str, Sequence[tuple[str, str]]]
) -> list[Any]:
    from cs_sync.report import Watched

    return [
        Watched(
            account=row["account"],
            name=row["name"] or row["account"],
            mrr=row["mrr"],
            score=row["score"],
            band=row["band"],
            change_30d=row["change_30d"],
            reasons=row["reasons"],
            next_action=row["next_action"] or "",
            link=next((url for _, url in links.get(row["account"], ())), ""),
        )
        for row in rows
    ]


def _said(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    from cs_sync.report import Said

    return [
        Said(
            topic=row["topic"],
            comments=row["n"],
            accounts=row["accounts"],
            quotes=list(dict.fromkeys(one["text"] for one in row["comments"]))[:QUOTES],
            mean_score=row["mean_score"],
            mrr=row["mrr"],
            currency=row["currency"],
        )
        for row in rows
    ]


def _ties(workspace: Workspace) -> list[Any]:
    from cs_sync.report import Tie

    found = reconciled(workspace)
    totals = {currency: Compared(None, currency) for currency in found.left_out}
    totals |= {total.currency: total for total in found.sums}
    return [
        Tie(
            currency,
            found.month,
            total.tied,
            total.mrr,
            total.unexplained,
            found.left_out.get(currency, 0),
        )
        for currency, total in sorted(totals.items())
    ]


def _unattributed(workspace: Workspace) -> list[Any]:
    from cs_sync.report import Unattributed

    newest: dict[tuple[str, str | None], list[str]] = {}
    for row in newest_unattributed(workspace, QUOTES):
        ids = (row["source_id"], row["contact_source_id"], row["account_source_id"])
        name = next((one for one in ids if one), "without an id")
        newest.setdefault((row["kind"], row["currency"]), []).append(f"{row['source']} {name}")
    return [
        Unattributed(
            share.kind,
            share.unattributed,
            share.total,
            share.currency,
            newest.get((share.kind, share.currency), ()),
        )
        for share in unattributed_shares(workspace)
    ]


def _freshness(run: Mapping[str, Any] | None, cursors: Mapping[tuple[str, str], Any]) -> list[Any]:
    from cs_sync.report import Freshness

    return [
        Freshness(
            source=stream["source"],
            stream=stream["stream"],
            status=stream["status"],
            fresh_until=cursors.get((stream["source"], stream["stream"])),
            records=stream["records"],
            rejected=stream["rejected"],
            error=stream["error"] or "",
        )
        for stream in (run["streams"] if run else ())
    ]
