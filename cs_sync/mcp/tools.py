"""The tools of the MCP server: questions that read, and nothing else."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from typing import Annotated, Any, Literal

from msgspec.structs import replace
from pydantic import Field

from cs_sync import days
from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.mcp import rows as build
from cs_sync.mcp.answers import Json, build_answer, list_remarks
from cs_sync.metrics.metric import Metric
from cs_sync.metrics.periods import Grain
from cs_sync.queries.accounts import list_accounts
from cs_sync.queries.explain import explain_score
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.metrics import (
    MetricRequest,
    build_registry,
    query_bridge,
    query_kpis,
)
from cs_sync.queries.outlook import list_scores_with_outlook
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import read_mrr_at
from cs_sync.store.queries.derived_state import read_mrr_known_at
from cs_sync.store.queries.follow_ups import read_follow_ups
from cs_sync.store.queries.foresight import read_last_judgement
from cs_sync.store.queries.health import read_live_accounts
from cs_sync.store.queries.source_links import read_source_links
from cs_sync.store.runs import read_runs

Day = Annotated[str | None, Field(description="A day like 2026-01-31, in the reporting zone.")]
By = Annotated[
    list[str] | None, Field(description="Split by these attributes of accounts, such as plan.")
]
Limit = Annotated[int, Field(ge=1, le=500, description="How many rows to show.")]
State = Literal["waiting", "open", "held_out", "done", "deleted", "resolved"]


class Tools:
    """Questions on one workspace, whose store is open for reading alone."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def list_metrics(
        self,
        search: Annotated[str, Field(description="Part of a name, a title or a formula.")] = "",
    ) -> Json:
        """List the metrics that there are: name, title, formula, unit."""
        with self._ask() as (workspace, events):
            listed = [
                {
                    "metric": metric.name,
                    "title": metric.title,
                    "formula": metric.formula,
                    "unit": metric.unit,
                    "other_names": list(metric.aliases),
                    "currency": None,
                    "n": None,
                    "interval": None,
                    "evidence": [f"table:{table}" for table in metric.inputs],
                }
                for metric in build_registry(workspace).select()
                if search.casefold() in _get_metric_names(metric)
            ]
            return build_answer(workspace, listed, len(listed), list_remarks(events))

    def metrics(
        self,
        names: Annotated[list[str], Field(min_length=1, description="As of list_metrics.")],
        since: Day = None,
        until: Day = None,
        grain: Grain = "month",
        by: By = None,
        limit: Limit = 100,
    ) -> Json:
        """Compute KPIs of the last whole period, or since a day.

        The newest period comes first.

        A value that cannot be computed is null and its status insufficient: say so, and do not
        guess. Ratios are fractions: 0.25 is 25 %.
        """
        with self._ask() as (workspace, events):
            self._check_mrr()
            request = MetricRequest(
                names=names, since=_to_day(since), until=_to_day(until), grain=grain, by=by or ()
            )
            inputs = {metric.name: metric.inputs for metric in build_registry(workspace).select()}
            run = self._find_run()
            listed = [
                build.build_kpi_row(row, inputs[row.metric], run)
                for row in _sort_newest_first(query_kpis(workspace, request))
            ]
            return build_answer(workspace, listed, limit, list_remarks(events))

    def mrr(
        self,
        since: Day = None,
        until: Day = None,
        grain: Grain = "month",
        by: By = None,
        limit: Limit = 50,
    ) -> Json:
        """Show MRR from opening to closing per period and currency.

        The newest period comes first.

        `by` may be account. Amounts are decimals in units of the row's currency; never add
        different currencies. Evidence names the accounts that moved most.
        """
        with self._ask() as (workspace, events):
            self._check_mrr()
            split = by or []
            first, end = _to_day(since), _to_day(until)
            bridge = query_bridge(workspace, since=first, until=end, grain=grain, by=split)
            quiet = replace(workspace, emit=lambda _event: None)
            attributes = [*(name for name in split if name != "account"), "account"]
            each = query_bridge(quiet, since=first, until=end, grain=grain, by=attributes)
            of: dict[Any, list[Any]] = defaultdict(list)
            for row in each.rows:
                of[_get_place(row)].append(row)
            run, known = self._find_run(), "account" in split
            listed = [
                build.build_mrr_row(row, [row] if known else of[_get_place(row)], run)
                for row in _sort_newest_first(bridge.rows)
            ]
            return build_answer(workspace, listed, limit, list_remarks(events))

    def scores(
        self,
        bands: Annotated[
            list[str] | None, Field(description="Only red, yellow, green, excellent …")
        ] = None,
        as_of: Day = None,
        limit: Limit = 20,
        *,
        customers_only: Annotated[
            bool, Field(description="False: also who left, or never became a customer.")
        ] = True,
    ) -> Json:
        """List customers by health, lowest first, with reasons and MRR.

        Below the least coverage there is no score: the band is insufficient. n is the number of
        known inputs.
        """
        with self._ask() as (workspace, events):
            matches = [
                row
                for row in list_scores_with_outlook(workspace, as_of=_to_day(as_of))
                if (row["is_customer"] or not customers_only)
                and (not bands or row["band"] in bands)
            ]
            names = [row["account"] for row in matches[:limit]]
            policy = get_mrr_policy(workspace).hash
            with workspace.store.read() as connection:
                mrr = read_mrr_at(connection, workspace.clock(), policy, names) if names else {}
            listed = [
                build.build_score_row(
                    row,
                    self._list_records(row["account"]) if place < limit else (),
                    mrr.get(row["account"], {}),
                )
                for place, row in enumerate(matches)
            ]
            answer = build_answer(workspace, listed, limit, list_remarks(events))
            return {**answer, "health_model": read_health_model(workspace).digest()}

    def explain(
        self,
        account: Annotated[str, Field(description="Its id, name, domain or a record's id.")],
        as_of: Day = None,
        since: Day = None,
    ) -> Json:
        """Explain one account's score: inputs, reasons, MRR, trend, change and follow-ups."""
        with self._ask() as (workspace, events):
            row = explain_score(workspace, account, as_of=_to_day(as_of), since=_to_day(since))
            answer = build_answer(
                workspace, [build.build_explanation(row)], 1, list_remarks(events)
            )
            return {**answer, "health_model": read_health_model(workspace).digest()}

    def accounts(
        self,
        search: Annotated[str, Field(description="Part of an id, a name or a record's id.")] = "",
        limit: Limit = 20,
    ) -> Json:
        """Find accounts and the records that are joined in each."""
        with self._ask() as (workspace, events):
            wanted = search.casefold()
            by_account = groupby(list_accounts(workspace), key=lambda row: str(row["account"]))
            grouped = [(account, list(records)) for account, records in by_account]
            listed = [
                build.build_account_row(account, records)
                for account, records in grouped
                if any(wanted in _get_names(row) for row in records)
            ]
            return build_answer(workspace, listed, limit, list_remarks(events))

    def follow_ups(
        self,
        state: State = "open",
        account: Annotated[str | None, Field(description="Only of this account id.")] = None,
        limit: Limit = 20,
    ) -> Json:
        """List follow-ups, most urgent first.

        They say what to do for whom, why, and by when.
        """
        with self._ask() as (workspace, events):
            with workspace.store.read() as connection:
                stored = read_follow_ups(connection)
                names = {row["id"]: row["name"] for row in read_live_accounts(connection)}
            listed = [
                build.build_follow_up_row(row, names.get(row["account_id"]))
                for row in stored
                if row["state"] == state and account in (None, row["account_id"])
                if not row["account_id"] or row["account_id"] in names
            ]
            return build_answer(workspace, listed, limit, list_remarks(events))

    def backtest(self) -> Json:
        """Show how well score and model predicted who leaves, as last judged.

        The interval is that of auc. A verdict "no signal" or "too little data" is an answer.
        """
        with self._ask() as (workspace, events):
            with workspace.store.read() as connection:
                judged = read_last_judgement(connection)
            notes = list_remarks(events)
            if judged is None:
                notes.append("nothing was judged yet: cs-sync analyse fit judges and keeps it")
                return build_answer(workspace, [], 0, notes)
            listed = [build.build_backtest_row(row, judged) for row in judged["subjects"]]
            return build_answer(workspace, listed, len(listed), notes)

    @contextmanager
    def _ask(self) -> Iterator[tuple[Workspace, list[Event]]]:
        """Yield the workspace with the events of one question."""
        events: list[Event] = []
        yield replace(self._workspace, emit=events.append), events

    def _check_mrr(self) -> None:
        """Raise ConfigError where no run has computed MRR: reading computes none."""
        policy = get_mrr_policy(self._workspace).hash
        with self._workspace.store.read() as connection:
            known = read_mrr_known_at(connection, policy)
        if known is None:
            raise ConfigError("no MRR is computed under this policy", "run cs-sync run once")

    def _find_run(self) -> str | None:
        with self._workspace.store.read() as connection:
            return next((str(run["id"]) for run in read_runs(connection, 1)), None)

    def _list_records(self, account: str) -> list[str]:
        with self._workspace.store.read() as connection:
            links = read_source_links(connection, account)
        return [f"{link['source']}:{link['source_id']}" for link in links]


def list_tools(tools: Tools) -> Sequence[Any]:
    """List the questions of a server in the order shown."""
    return (
        tools.list_metrics,
        tools.metrics,
        tools.mrr,
        tools.scores,
        tools.explain,
        tools.accounts,
        tools.follow_ups,
        tools.backtest,
    )


def _to_day(text: str | None) -> date | None:
    try:
        return None if text is None else days.parse_day(text)
    except ValueError as error:
        raise ConfigError(str(error), "give another day") from None


def _sort_newest_first(rows: Iterable[Any]) -> list[Any]:
    """Sort rows by period: a long answer loses its oldest ones."""
    return sorted(rows, key=lambda row: row.period_start, reverse=True)


def _get_metric_names(metric: Metric) -> str:
    texts = (metric.name, metric.title, metric.formula, *metric.aliases)
    return "\n".join(texts).casefold()


def _get_place(row: Any) -> tuple[Any, ...]:
    return row.period_start, row.currency, tuple(sorted(row.segment.items()))


def _get_names(row: Any) -> str:
    texts = (row["account"], row["name"], row["source_id"])
    return "\n".join(str(text).casefold() for text in texts if text)
