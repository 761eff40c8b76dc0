"""Queries of KPIs and the MRR bridge."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.fx import Conversion, ExchangeRates, build_conversion
from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import (
    GRAINS,
    Grain,
    Period,
    find_last_whole_period,
    list_whole_periods,
)
from cs_sync.metrics.registry import MetricRegistry, is_in_view, list_builtin_metrics
from cs_sync.metrics.sql.bridge_relations import find_knowledge_time
from cs_sync.metrics.sql.segments import ACCOUNT_SEGMENT
from cs_sync.queries.closed_months import (
    MAX_NAMED_ACCOUNTS,
    apply_closed_months,
    describe_bridge,
    find_restatements,
)
from cs_sync.queries.knowledge import resolve_knowledge_time
from cs_sync.queries.metric_rows import compute_bridge, compute_kpis
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.active_use import find_totals_only_sources, find_unseen_features
from cs_sync.store.queries.attributes import read_attribute_names
from cs_sync.store.queries.derived_state import read_mrr_known_at
from cs_sync.store.queries.fx_rates import load_fx_history, read_currency_starts, read_fx_rates
from cs_sync.store.queries.month_close import Restatement
from cs_sync_schemas.money import known_currency


class MetricRequest(Struct, frozen=True):
    """Which metrics to compute, for which periods.

    as_of      the day whose last whole period is computed; today by default
    since      the first day of a range of periods, instead
    until      the day after the range
    known_at   use only what was known at this time
    names      the metrics by name or alias; all by default
    grain      day, week, month, quarter or year
    by         the account attributes of the segments
    policies   the MRR policies by name; the configured one by default
    stage, strategy, family   only metrics of these
    """

    as_of: date | None = None
    since: date | None = None
    until: date | None = None
    known_at: datetime | None = None
    names: Sequence[str] = ()
    grain: str = "month"
    by: Sequence[str] = ()
    policies: Sequence[str] = ()
    stage: str | None = None
    strategy: str | None = None
    family: str | None = None


def query_metrics(workspace: Workspace, request: MetricRequest) -> list[dict[str, Any]]:
    """Compute metrics, as flat objects; see `query_kpis`."""
    rows, named = query_kpis(workspace, request), dict.fromkeys(request.policies)
    if len(named) < 2:
        return [row.json() for row in rows]
    policies = [get_mrr_policy(workspace, name) for name in named]
    names = {policy.hash: _get_policy_name(policy) for policy in policies}
    return [row.json() | {"policy_name": names[row.policy]} for row in rows]


def query_kpis(workspace: Workspace, request: MetricRequest) -> list[KpiRow]:
    """Compute metrics for periods, segments, currencies and policies.

    Returns:
        One row per metric, period, segment, currency and policy.

    Raises:
        ConfigError: An option is unknown, or the range has no whole period.
    """
    names, by = request.names, request.by
    chosen = select_metrics(workspace, request)
    periods = select_periods(workspace, request.as_of, request.since, request.until, request.grain)
    check_attributes(workspace, by)
    known_at = resolve_knowledge_time(workspace, request.known_at, periods[-1].ends_at)
    rows: list[KpiRow] = []
    notes = [
        *_describe_aliases(workspace, names),
        *_describe_unsplit(chosen, by),
        *_describe_inactive_use(workspace, chosen),
    ]
    unique_notes = dict.fromkeys(notes)
    named = dict.fromkeys(request.policies)
    for policy in [get_mrr_policy(workspace, name) for name in named] or [
        get_mrr_policy(workspace)
    ]:
        if len(named) > 1:
            unique_notes[f"policy {policy.hash} is {_get_policy_name(policy)}"] = None
        scope = build_scope(workspace, periods, policy, by=by, known_at=known_at)
        rates = _build_conversion(
            workspace, scope, workspace.config.workspace.currency, openings=False
        )
        kpis = compute_kpis(workspace, chosen, replace(scope, conversion=rates))
        unique_notes |= dict.fromkeys(rates.notes({row.currency for row in kpis}))
        rows += kpis
    _emit_notes(workspace, unique_notes)
    return rows


def _describe_aliases(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Return a note per metric requested by another name."""
    registry = build_registry(workspace)
    return [
        f"{name} is {registry.resolve_name(name)} here"
        for name in names
        if registry.resolve_name(name) != name
    ]


def _describe_unsplit(chosen: Sequence[Metric], by: Sequence[str]) -> list[str]:
    """Return a note on metrics that cannot be split by attributes."""
    whole = [metric.name for metric in chosen if not metric.splits]
    if not by or not whole:
        return []
    return [f"not split by {', '.join(by)}, as costs and counts of the company: {', '.join(whole)}"]


def _describe_inactive_use(workspace: Workspace, chosen: Sequence[Metric]) -> Iterator[str]:
    """Yield what `active_features` leaves out of the chosen metrics."""
    features = workspace.config.metrics.active_features
    if not features or all("usage_day" not in metric.inputs for metric in chosen):
        return
    with workspace.store.read() as connection:
        unseen = find_unseen_features(connection, features)
        sources = find_totals_only_sources(connection, features)
    if unseen:
        yield f"[metrics] active_features: no source has seen {', '.join(unseen)}"
    if sources:
        yield (
            f"[metrics] active_features: {', '.join(sources)} only gives totals of use, not who"
            " used these features, and makes nobody active"
        )


def _get_policy_name(policy: MrrPolicy) -> str:
    """Return the preset's name, and whether overrides apply."""
    same = policy.hash == MrrPolicy.preset(policy.name, zone=policy.zone).hash
    return policy.name if same else f"{policy.name} with overrides"


def query_mrr(
    workspace: Workspace,
    *,
    since: date | None = None,
    until: date | None = None,
    grain: str = "month",
    by: Sequence[str] = (),
    currency: str | None = None,
) -> list[dict[str, Any]]:
    """Compute the MRR bridge, as flat objects with the causes of restatements.

    See `query_bridge`.
    """
    bridge = query_bridge(
        workspace, since=since, until=until, grain=grain, by=by, currency=currency
    )
    return format_bridge(bridge)


class Bridge(Struct, frozen=True):
    """Rows of the MRR bridge, their scope, and what was restated in it."""

    rows: Sequence[BridgeRow]
    scope: Scope
    restated: Sequence[Restatement]


def query_bridge(
    workspace: Workspace,
    *,
    since: date | None = None,
    until: date | None = None,
    grain: str = "month",
    by: Sequence[str] = (),
    currency: str | None = None,
) -> Bridge:
    """Compute the MRR bridge per period and currency.

    Later knowledge of closed months is a restatement.

    Args:
        workspace: The workspace.
        since: The first day of a range of periods.
        until: The day after the range.
        grain: day, week, month, quarter or year.
        by: `account`, or account attributes.
        currency: The target of the conversion; amounts without a rate stay as they are.

    Returns:
        One row per period, currency and account or segment.

    Raises:
        ConfigError: An option is unknown, or the range has no whole period.
    """
    target = _parse_currency(currency) if currency else None
    periods = select_periods(workspace, None, since, until, grain)
    attributes = [name for name in by if name != "account"]
    check_attributes(workspace, attributes)
    scope = build_scope(workspace, periods, get_mrr_policy(workspace), by=attributes)
    scope = apply_closed_months(workspace, scope, grain)
    if target:
        scope = replace(scope, conversion=build_conversion_into(workspace, scope, target))
    rows = compute_bridge(workspace, scope, by_account="account" in by)
    restated = find_restatements(workspace, scope)
    _emit_notes(
        workspace, describe_bridge(workspace, scope, restated, rows if not (by or currency) else ())
    )
    _emit_notes(workspace, _describe_open_periods(workspace, periods, rows))
    if scope.conversion:
        _emit_notes(workspace, scope.conversion.notes({row.currency for row in rows}))
        _emit_notes(workspace, _describe_rate_changes(scope, scope.conversion))
    return Bridge(rows, scope, restated)


def _describe_open_periods(
    workspace: Workspace, periods: Sequence[Period], rows: Sequence[BridgeRow]
) -> list[str]:
    """Return notes on missing MRR and unfinished periods."""
    if not rows:
        return [f"no MRR is known between {periods[0].start} and {periods[-1].end}"]
    ahead = [period.start for period in periods if period.ends_at > workspace.clock()]
    if not ahead:
        return []
    return [f"not over yet: periods from {ahead[0]} show what is agreed now, and may still change"]


def format_bridge(bridge: Bridge) -> list[dict[str, Any]]:
    """Format a bridge as flat objects, with the causes of restatements."""
    return [_format_bridge_row(row, bridge) for row in bridge.rows]


def _format_bridge_row(row: BridgeRow, bridge: Bridge) -> dict[str, Any]:
    """Format a row, with the causes of its restatement."""
    scope = bridge.scope
    causes = [
        f"{restatement.account}: {restatement.cause}"
        for restatement in bridge.restated
        if row.restatement
        and restatement.period < len(scope.periods)
        and scope.periods[restatement.period].start == row.period_start
        and row.account in (None, restatement.account)
        and (scope.conversion or row.currency == restatement.currency)
    ]
    causes = [*causes[:MAX_NAMED_ACCOUNTS], *_find_rate_changes(row, scope)]
    return row.json() | ({"restatement_cause": "; ".join(causes)} if causes else {})


def _describe_rate_changes(scope: Scope, rates: Conversion) -> list[str]:
    return [
        f"restated in the period from {period.start}: {note}"
        for index, period in enumerate(scope.periods)
        for note in rates.describe_restatements(index)
    ]


def _find_rate_changes(row: BridgeRow, scope: Scope) -> list[str]:
    """Return the rates of the row's opening changed since its report."""
    if scope.conversion is None or not row.restatement or row.currency != scope.conversion.target:
        return []
    starts = [period.start for period in scope.periods]
    return scope.conversion.describe_restatements(starts.index(row.period_start))


def build_registry(workspace: Workspace) -> MetricRegistry:
    """Return the registry of built-in and plugin metrics."""
    return MetricRegistry([*list_builtin_metrics(), *workspace.plugins.metrics.values()])


def select_periods(
    workspace: Workspace,
    as_of: date | None,
    since: date | None,
    until: date | None,
    grain: str,
) -> tuple[Period, ...]:
    """Return the last whole period, or all whole periods of a range.

    Args:
        workspace: The workspace.
        as_of: The day whose last whole period is selected; today by default.
        since: The first day of the range; a year before `until` by default.
        until: The day after the range; today by default.
        grain: day, week, month, quarter or year.

    Raises:
        ConfigError: The grain is unknown, options conflict, or the range has no whole
            period.
    """
    if grain not in GRAINS:
        raise ConfigError(f"unknown grain {grain!r}", f"use one of {', '.join(GRAINS)}")
    size: Grain = next(candidate for candidate in GRAINS if candidate == grain)
    zone = str(workspace.config.workspace.timezone)
    if since is None and until is None:
        return (find_last_whole_period(as_of or workspace.today, size, zone),)
    if as_of is not None:
        raise ConfigError("--as-of and --since/--until exclude each other", "give one of them")
    end = until or workspace.today
    start = since or end - timedelta(days=365)
    periods = list_whole_periods(start, end, size, zone)
    if not periods:
        raise ConfigError(
            f"no whole {grain} lies between {start} and {end}",
            "widen the range, or take a finer --grain",
        )
    return periods


def build_scope(
    workspace: Workspace,
    periods: tuple[Period, ...],
    policy: MrrPolicy,
    *,
    by: Sequence[str] = (),
    known_at: datetime | None = None,
) -> Scope:
    """Return the scope of a query with the workspace's settings.

    Raises:
        ConfigError: An export has no MRR under the policy.
    """
    if workspace.store.is_copy:
        _check_exported_policy(workspace, policy)
    return Scope(
        periods=periods,
        policy=policy,
        by=tuple(dict.fromkeys(by)),
        known_at=known_at,
        observed_until=workspace.clock(),
        gross_margin=workspace.config.metrics.gross_margin,
        active_features=workspace.config.metrics.active_features,
        settings=workspace.config.metrics.settings,
    )


def _check_exported_policy(workspace: Workspace, policy: MrrPolicy) -> None:
    with workspace.store.read() as connection:
        known_at = read_mrr_known_at(connection, policy.hash)
    if known_at is None:
        option = "" if policy == get_mrr_policy(workspace) else f" --policy {policy.name}"
        raise ConfigError(
            f"the export has no MRR under the policy {_get_policy_name(policy)}",
            f"run `cs-sync metrics{option}` without --engine, then export again",
        )


def _build_conversion(
    workspace: Workspace, scope: Scope, target: str, *, openings: bool
) -> Conversion:
    """Return the rates of a scope.

    Closed months use the rates known at their closing, others those known at the scope's
    time.
    """
    with workspace.store.read() as connection:
        since = read_currency_starts(connection, scope.policy.hash)
        foreign = bool(since.keys() - {target})
        rates = read_fx_rates(connection, scope.known_at) if foreign else ExchangeRates(())
        as_known = load_fx_history(connection) if foreign and scope.closed else None
    return build_conversion(
        rates,
        target,
        scope.periods,
        since,
        openings=openings,
        day_of=scope.policy.fx_rate,
        known=(lambda turn: as_known(find_knowledge_time(scope, turn))) if as_known else None,
    )


def build_conversion_into(workspace: Workspace, scope: Scope, currency: str) -> Conversion:
    """Build a scope's rates into a currency.

    For openings and closings.
    """
    return _build_conversion(workspace, scope, currency, openings=True)


def _emit_notes(workspace: Workspace, notes: Iterable[str]) -> None:
    """Emit notes on the rows, for standard error and the log."""
    for note in notes:
        detail = {"step": "metrics", "message": note}
        workspace.emit(Event("step_ended", workspace.clock(), detail=detail))


def _parse_currency(code: str) -> str:
    try:
        return known_currency(code)
    except ValueError as error:
        raise ConfigError(str(error), "give one with --currency, such as EUR") from error


def select_metrics(workspace: Workspace, request: MetricRequest) -> list[Metric]:
    """Return the requested metrics, or all, within each requested view.

    Raises:
        ConfigError: A name is unknown, or no metric is in the views.
    """
    try:
        chosen = build_registry(workspace).select(request.names)
    except ValueError as error:
        raise ConfigError(str(error), "`cs-sync metrics` alone prints all") from error
    views = {name: getattr(request, name) for name in ("stage", "strategy", "family")}
    filters = {option: value for option, value in views.items() if value}
    fitting = [
        metric
        for metric in chosen
        if all(is_in_view(metric, option, value) for option, value in filters.items())
    ]
    if not fitting:
        view = " and ".join(f"--{option} {value!r}" for option, value in filters.items())
        raise ConfigError(
            f"none of {', '.join(metric.name for metric in chosen)} is in {view}",
            "leave out --metric, or the view",
        )
    return fitting


def check_attributes(workspace: Workspace, by: Sequence[str]) -> None:
    """Raise ConfigError for an attribute of no account."""
    if not by:
        return
    with workspace.store.read() as connection:
        names = read_attribute_names(connection)
    for name in by:
        if name not in names and name != ACCOUNT_SEGMENT:
            raise ConfigError(
                f"no account has an attribute {name!r}",
                f"known attributes: {', '.join(sorted(names)) or 'none'}",
            )
