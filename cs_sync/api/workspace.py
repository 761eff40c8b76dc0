"""An open workspace for scripts and notebooks: `cs_sync.open`."""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from cs_sync import days
from cs_sync.api.answers import (
    AccountScore,
    BacktestResult,
    build_account_score,
    build_backtest_result,
)
from cs_sync.api.rows import Rows
from cs_sync.config import load_config
from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.jobs.close_months import close_shown_months
from cs_sync.jobs.derive import update_mrr
from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.periods import Grain
from cs_sync.plugins import PluginRegistry, load_plugins
from cs_sync.queries.metrics import MetricRequest, query_bridge, query_kpis
from cs_sync.queries.outlook import list_scores_with_outlook
from cs_sync.runtime import workspace as runtime
from cs_sync.runtime.run_result import RunReport

Day = date | str
"""A day, or its text like 2026-01-31."""
Instant = datetime | str
"""An instant, or its text: a day, or ISO 8601; by default in the reporting zone."""
LOG = logging.getLogger("cs_sync")


class MetricOptions(TypedDict, total=False):
    """Which metrics to compute, for which periods; see `cs-sync metrics --help`."""

    as_of: Day | None
    since: Day | None
    until: Day | None
    known_at: Instant | None
    grain: Grain
    by: Sequence[str]
    policies: Sequence[str]
    stage: str | None
    strategy: str | None
    family: str | None


class Workspace:
    """An open workspace; what the commands compute, as typed rows.

    Remarks on the rows, such as a split that was impossible, go to the logger `cs_sync`.
    """

    def __init__(self, opened: runtime.Workspace, closing: ExitStack) -> None:
        self._opened = opened
        self._closing = closing

    def metrics(self, *names: str, **options: Unpack[MetricOptions]) -> Rows[KpiRow]:
        """Compute KPIs of the last whole period, or of a range.

        The range is from `since` to `until`.

        Args:
            *names: The metrics by name or alias; all by default.
            **options: As the options of `cs-sync metrics`.

        Returns:
            One row per metric, period, segment, currency and policy.

        Raises:
            ConfigError: An option is unknown, or the range has no whole period.
        """
        given: dict[str, Any] = dict(options)
        given |= {name: _to_day(given[name]) for name in {"as_of", "since", "until"} & given.keys()}
        given["known_at"] = self._to_instant(given.get("known_at"))
        request = MetricRequest(names=names, **given)
        update_mrr(self._opened, request.policies)
        return Rows(KpiRow, query_kpis(self._opened, request))

    def mrr(
        self,
        *,
        since: Day | None = None,
        until: Day | None = None,
        grain: Grain = "month",
        by: Sequence[str] = (),
        currency: str | None = None,
    ) -> Rows[BridgeRow]:
        """Compute the MRR bridge, from opening to closing.

        As `cs-sync mrr` does, it closes the months that are over.

        Args:
            since: The first day of a range of periods.
            until: The day after the range.
            grain: day, week, month, quarter or year.
            by: `account`, or account attributes.
            currency: Convert all amounts to this currency.

        Returns:
            One row per period, currency and account or segment.

        Raises:
            ConfigError: An option is unknown, or the range has no whole period.
        """
        first, end = _to_day(since), _to_day(until)
        update_mrr(self._opened)
        close_shown_months(self._opened, since=first, until=end, grain=grain)
        bridge = query_bridge(
            self._opened, since=first, until=end, grain=grain, by=by, currency=currency
        )
        return Rows(BridgeRow, bridge.rows)

    def scores(
        self, *, as_of: Day | None = None, known_at: Instant | None = None
    ) -> Rows[AccountScore]:
        """Score all accounts: customers first, lowest score first.

        Args:
            as_of: The day of the scores; today by default.
            known_at: Use only what was known at this time.

        Raises:
            ConfigError: The day is in the future.
        """
        rows = list_scores_with_outlook(
            self._opened, as_of=_to_day(as_of), known_at=self._to_instant(known_at)
        )
        return Rows(AccountScore, map(build_account_score, rows))

    def backtest(
        self, *, horizon_days: int | None = None, since: Day | None = None
    ) -> Rows[BacktestResult]:
        """Judge health score and model on the workspace's own history.

        Args:
            horizon_days: Another horizon than the configured one.
            since: The first day of a judged month end.

        Raises:
            ConfigError: There is no history, or the extra `analyse` is not installed.
        """
        from cs_sync.queries.backtest import list_verdicts, open_backtest

        update_mrr(self._opened)
        history = open_backtest(self._opened, horizon_days, _to_day(since))
        return Rows(BacktestResult, map(build_backtest_result, list_verdicts(history)))

    def run(self, *, dry_run: bool = False, yes: bool = False) -> RunReport:
        """Sync, derive, score, plan, write and report: the scheduled job.

        Args:
            dry_run: Stop before writing to the CRM.
            yes: Write even if unusually many accounts change.

        Returns:
            What the run did; `summary.status` is ok, partial or failed.

        Raises:
            CsSyncError: Nothing could be done, such as when another run is in progress.
        """
        from cs_sync.jobs.run import run_pipeline

        return run_pipeline(self._opened, dry_run=dry_run, yes=yes)

    def close(self) -> None:
        """Close the database and the vendors' connections."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        config = self._opened.config
        return f"<workspace {config.workspace.name} of {config.path}>"

    def _to_instant(self, moment: Instant | None) -> datetime | None:
        zone = self._opened.config.workspace.timezone
        if isinstance(moment, datetime):
            return moment if moment.tzinfo else moment.replace(tzinfo=zone)
        try:
            return None if moment is None else days.parse_instant(moment, zone)
        except ValueError as error:
            raise ConfigError(str(error), "give another known_at") from None


def open(path: Path | str = "cs_sync.toml") -> Workspace:
    """Open a workspace, to close or to use with `with`.

    Args:
        path: The configuration file.

    Raises:
        ConfigError: The configuration is invalid, or the database cannot be opened.
    """
    plugins = load_plugins(os.environ.get("CS_SYNC_DISABLED_PLUGINS", "").split(","))
    config = load_config(path, plugins)
    closing = ExitStack()
    opened = runtime.open_workspace(config, plugins, emit=_make_listener(plugins))
    return Workspace(closing.enter_context(opened), closing)


def _make_listener(plugins: PluginRegistry) -> Callable[[Event], None]:
    """Make a listener that passes events to observers.

    Messages of events go to the log, too.
    """

    def listen(event: Event) -> None:
        plugins.emit(event)
        if message := event.detail.get("message"):
            LOG.log(logging.WARNING if event.name == "warning" else logging.INFO, "%s", message)

    return listen


def _to_day(day: Day | None) -> date | None:
    try:
        return days.parse_day(day) if isinstance(day, str) else day
    except ValueError as error:
        raise ConfigError(str(error), "give another day") from None
