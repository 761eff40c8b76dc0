"""KPIs and the MRR bridge, from the registry and inside the database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.jobs.closing import BY_NAME, close_months, notes, restatements
from cs_sync.jobs.derive import ensure_mrr, policy_of
from cs_sync.jobs.figures import bridged, computed
from cs_sync.jobs.workspace import Workspace
from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.bridge_relations import knowledge
from cs_sync.metrics.fx import Conversion, Rates, conversion
from cs_sync.metrics.membership import ITSELF
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import GRAINS, Grain, Period, last_whole_period, whole_periods
from cs_sync.metrics.registry import Registry, builtin_metrics, in_view
from cs_sync.store.active_use import totals_only, unseen_features
from cs_sync.store.attributes import known_attributes
from cs_sync.store.closings import Restated
from cs_sync.store.rates import currencies_since, rates_as_known, read_rates
from cs_sync_schemas.money import known_currency


def metrics(
    workspace: Workspace,
    *,
    as_of: date | None = None,
    since: date | None = None,
    until: date | None = None,
    known_at: datetime | None = None,
    names: Sequence[str] = (),
    grain: str = "month",
    by: Sequence[str] = (),
    policies: Sequence[str] = (),
    stage: str | None = None,
    strategy: str | None = None,
    family: str | None = None,
) -> list[dict[str, Any]]:
    """One row per metric, period, segment, currency and policy. Raises ConfigError."""
    chosen = _chosen(workspace, names, {"stage": stage, "strategy": strategy, "family": family})
    periods = asked_periods(workspace, as_of, since, until, grain)
    check_attributes(workspace, by)
    rows: list[dict[str, Any]] = []
    told = [*_renamed(workspace, names), *_unsplit(chosen, by), *_inactive(workspace, chosen)]
    said = dict.fromkeys(told)
    named = dict.fromkeys(policies)
    for policy in [_policy(workspace, name) for name in named] or [policy_of(workspace)]:
        ensure_mrr(workspace, policy)
        if len(named) > 1:
            said[f"policy {policy.hash} is {_name_of(policy)}"] = None
        scope = _scope(workspace, periods, policy, by=by, known_at=known_at)
        rates = _conversion(workspace, scope, workspace.config.workspace.currency, openings=False)
        found = computed(workspace, chosen, replace(scope, conversion=rates))
        said |= dict.fromkeys(rates.notes({row.currency for row in found}))
        name = {"policy_name": _name_of(policy)} if len(named) > 1 else {}
        rows += [row.json() | name for row in found]
    _tell(workspace, said)
    return rows


def _renamed(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Which metrics were asked for by another name."""
    known = registry(workspace)
    return [f"{name} is {known.named(name)} here" for name in names if known.named(name) != name]


def _unsplit(chosen: Sequence[Metric], by: Sequence[str]) -> list[str]:
    """Which metrics are shown as a whole although attributes were asked for."""
    whole = [metric.name for metric in chosen if not metric.splits]
    if not by or not whole:
        return []
    return [f"not split by {', '.join(by)}, as costs and counts of the company: {', '.join(whole)}"]


def _inactive(workspace: Workspace, chosen: Sequence[Metric]) -> Iterator[str]:
    """What `active_features` leaves out, where a metric asked for goes by it."""
    features = workspace.config.metrics.active_features
    if not features or all("usage_day" not in metric.inputs for metric in chosen):
        return
    with workspace.store.read() as connection:
        unseen = unseen_features(connection, features)
        sources = totals_only(connection, features)
    if unseen:
        yield f"[metrics] active_features: no source has seen {', '.join(unseen)}"
    if sources:
        yield (
            f"[metrics] active_features: {', '.join(sources)} only gives totals of use, not who"
            " used these features, and makes nobody active"
        )


def _name_of(policy: MrrPolicy) -> str:
    """The preset's name, and whether single switches differ from it."""
    same = policy.hash == MrrPolicy.preset(policy.name, zone=policy.zone).hash
    return policy.name if same else f"{policy.name} with overrides"


def mrr(
    workspace: Workspace,
    *,
    since: date | None = None,
    until: date | None = None,
    grain: str = "month",
    by: Sequence[str] = (),
    currency: str | None = None,
) -> list[dict[str, Any]]:
    """The bridge, per period and currency, and per account or attribute when asked.

    With `currency` all that has rates is converted to it. Months that are over are closed by being
    shown: what is learnt of them later is a restatement. Raises ConfigError.
    """
    target = _currency(currency) if currency else None
    periods = asked_periods(workspace, None, since, until, grain)
    attributes = [name for name in by if name != "account"]
    check_attributes(workspace, attributes)
    policy = policy_of(workspace)
    ensure_mrr(workspace, policy)
    scope = close_months(workspace, _scope(workspace, periods, policy, by=attributes), grain)
    if target:
        scope = replace(scope, conversion=_conversion(workspace, scope, target, openings=True))
    rows = bridged(workspace, scope, by_account="account" in by)
    restated = restatements(workspace, scope)
    _tell(workspace, notes(workspace, scope, restated, rows if not (by or currency) else ()))
    _tell(workspace, _not_over(workspace, periods, rows))
    if scope.conversion:
        _tell(workspace, scope.conversion.notes({row.currency for row in rows}))
        _tell(workspace, _rates_told(scope, scope.conversion))
    return [_with_cause(row, scope, restated) for row in rows]


def _not_over(
    workspace: Workspace, periods: Sequence[Period], rows: Sequence[BridgeRow]
) -> list[str]:
    """What rows without a status cannot say: that a period is not over, or was before the first."""
    if not rows:
        return [f"no MRR is known between {periods[0].start} and {periods[-1].end}"]
    ahead = [period.start for period in periods if period.ends_at > workspace.clock()]
    if not ahead:
        return []
    return [f"not over yet: periods from {ahead[0]} show what is agreed now, and may still change"]


def _with_cause(row: BridgeRow, scope: Scope, restated: Sequence[Restated]) -> dict[str, Any]:
    """A row as printed; why it restates, where that is told of it alone."""
    causes = [
        f"{one.account}: {one.cause}"
        for one in restated
        if row.restatement
        and one.period < len(scope.periods)
        and scope.periods[one.period].start == row.period_start
        and row.account in (None, one.account)
        and (scope.conversion or row.currency == one.currency)
    ]
    causes = [*causes[:BY_NAME], *_rates_restated(row, scope)]
    return row.json() | ({"restatement_cause": "; ".join(causes)} if causes else {})


def _rates_told(scope: Scope, rates: Conversion) -> list[str]:
    return [
        f"restated in the period from {period.start}: {told}"
        for index, period in enumerate(scope.periods)
        for told in rates.restated(index)
    ]


def _rates_restated(row: BridgeRow, scope: Scope) -> list[str]:
    """Which rates of the row's opening were changed since it was reported."""
    if scope.conversion is None or not row.restatement or row.currency != scope.conversion.target:
        return []
    starts = [period.start for period in scope.periods]
    return scope.conversion.restated(starts.index(row.period_start))


def registry(workspace: Workspace) -> Registry:
    """Our metrics and those of plugins."""
    return Registry([*builtin_metrics(), *workspace.plugins.metrics.values()])


def asked_periods(
    workspace: Workspace,
    as_of: date | None,
    since: date | None,
    until: date | None,
    grain: str,
) -> tuple[Period, ...]:
    """The periods that the options mean: the last whole one, or all in a range."""
    if grain not in GRAINS:
        raise ConfigError(f"unknown grain {grain!r}", f"use one of {', '.join(GRAINS)}")
    size: Grain = next(known for known in GRAINS if known == grain)
    zone = str(workspace.config.workspace.timezone)
    if since is None and until is None:
        return (last_whole_period(as_of or workspace.today, size, zone),)
    if as_of is not None:
        raise ConfigError("--as-of and --since/--until exclude each other", "give one of them")
    end = until or workspace.today
    start = since or end - timedelta(days=365)
    periods = whole_periods(start, end, size, zone)
    if not periods:
        raise ConfigError(
            f"no whole {grain} lies between {start} and {end}",
            "widen the range, or take a finer --grain",
        )
    return periods


def _scope(
    workspace: Workspace,
    periods: tuple[Period, ...],
    policy: MrrPolicy,
    *,
    by: Sequence[str] = (),
    known_at: datetime | None = None,
) -> Scope:
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


def _conversion(workspace: Workspace, scope: Scope, target: str, *, openings: bool) -> Conversion:
    """The rates that a scope needs: of closed months as known when they were closed, else as known
    when it asks."""
    with workspace.store.read() as connection:
        since = currencies_since(connection, scope.policy.hash)
        foreign = bool(since.keys() - {target})
        rates = read_rates(connection, scope.known_at) if foreign else Rates(())
        as_known = rates_as_known(connection) if foreign and scope.closed else None
    return conversion(
        rates,
        target,
        scope.periods,
        since,
        openings=openings,
        day_of=scope.policy.fx_rate,
        known=(lambda turn: as_known(knowledge(scope, turn))) if as_known else None,
    )


def _tell(workspace: Workspace, notes: Iterable[str]) -> None:
    """Say what the rows cannot: on standard error, and in the log."""
    for note in notes:
        detail = {"step": "metrics", "message": note}
        workspace.emit(Event("step_ended", workspace.clock(), detail=detail))


def _currency(code: str) -> str:
    try:
        return known_currency(code)
    except ValueError as error:
        raise ConfigError(str(error), "give one with --currency, such as EUR") from error


def _chosen(
    workspace: Workspace, names: Sequence[str], views: Mapping[str, str | None]
) -> list[Metric]:
    """The metrics of these names, or all, that are in each of the views asked for."""
    try:
        chosen = registry(workspace).select(names)
    except ValueError as error:
        raise ConfigError(str(error), "`cs-sync metrics` alone prints all") from error
    asked = {option: value for option, value in views.items() if value}
    fitting = [
        metric
        for metric in chosen
        if all(in_view(metric, option, value) for option, value in asked.items())
    ]
    if not fitting:
        view = " and ".join(f"--{option} {value!r}" for option, value in asked.items())
        raise ConfigError(
            f"none of {', '.join(metric.name for metric in chosen)} is in {view}",
            "leave out --metric, or the view",
        )
    return fitting


def _policy(workspace: Workspace, name: str) -> MrrPolicy:
    try:
        return policy_of(workspace, name)
    except ValueError as error:
        raise ConfigError(str(error), "choose one of them with --policy") from error


def check_attributes(workspace: Workspace, by: Sequence[str]) -> None:
    """Raise ConfigError for an attribute that no account has."""
    if not by:
        return
    with workspace.store.read() as connection:
        known = known_attributes(connection)
    for name in by:
        if name not in known and name != ITSELF:
            raise ConfigError(
                f"no account has an attribute {name!r}",
                f"known attributes: {', '.join(sorted(known)) or 'none'}",
            )
