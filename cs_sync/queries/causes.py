"""Root causes of churn: cross-tabs, a logistic model in words, and survival."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from cs_sync.contracts.events import Event
from cs_sync.foresight.causes import (
    Case,
    Cause,
    adjust_causes,
    classify_tenure,
    compare_days_since_use,
    compare_levels,
    compare_survival_by_level,
    compare_tenure_months,
    rank_deciles,
    select_apart,
)
from cs_sync.foresight.drivers import MIN_CHURNED, measure_drivers
from cs_sync.foresight.observations import OUTCOMES, TENURE, History, Observation, Window
from cs_sync.foresight.survival import Lifetime
from cs_sync.health import build_day_scope
from cs_sync.queries.metrics import check_attributes
from cs_sync.queries.observations import (
    ObservationRequest,
    build_request,
    list_month_ends,
    read_history,
    read_month_end,
)
from cs_sync.queries.report_accounts import PLAN, SEGMENTS
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import Span, read_mrr_spans
from cs_sync.store.queries.attributes import read_attribute_names, read_current_attributes
from cs_sync.store.queries.causes import read_attributes_at, read_ticket_topics
from cs_sync.store.queries.health import read_live_accounts

TOPIC_DAYS = 90
MAX_NAMED = 10
"""Attributes that are named when they are not compared."""
NEVER = datetime.max.replace(tzinfo=UTC)
USAGE, SILENCE = "active_days_28", "days_since_use"


class CauseRequest(Struct, frozen=True):
    """What to compare: attributes besides plan and segment, and the horizon in days."""

    by: Sequence[str] = ()
    horizon_days: int | None = None


def list_causes(workspace: Workspace, request: CauseRequest) -> list[dict[str, Any]]:
    """List what goes before churn: cross-tabs, then drivers, then survival.

    Raises:
        ConfigError: An attribute is unknown, or there is too little history.
    """
    check_attributes(workspace, tuple(request.by))
    names = _choose_attributes(workspace, request.by)
    if not request.by:
        _warn_of_others(workspace, names)
    cases = list(_read_cases(workspace, names, build_request(workspace, request.horizon_days)))
    until = read_history(workspace).ends_at
    lifetimes = read_lifetimes(workspace, until)
    with workspace.store.read() as connection:
        current = read_current_attributes(connection, names)
    levels = {
        name: {account: own[name] for account, own in current.items() if name in own}
        for name in names
    }
    survival = [
        *compare_survival_by_level(lifetimes, levels),
        *compare_tenure_months(
            lifetimes.values(), until.astimezone(workspace.config.workspace.timezone).date()
        ),
        *compare_days_since_use(cases, SILENCE),
    ]
    causes = [*compare_levels(cases), *_measure_drivers(workspace, cases), *adjust_causes(survival)]
    return [_format_cause(cause) for cause in causes]


def _choose_attributes(workspace: Workspace, by: Sequence[str]) -> list[str]:
    """Choose the plan, the report's segment, and the attributes asked for."""
    with workspace.store.read() as connection:
        known = read_attribute_names(connection)
    segment = workspace.config.report.segment or next((s for s in SEGMENTS if s in known), None)
    return [name for name in dict.fromkeys((PLAN, segment, *by)) if name and name in known]


def describe_others(names: Sequence[str]) -> str:
    """Describe the attributes that are not compared, and how to compare one."""
    rest = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"not compared: {', '.join(names[:MAX_NAMED])}{rest}; --by {names[0]} compares it"


def _warn_of_others(workspace: Workspace, compared: Sequence[str]) -> None:
    with workspace.store.read() as connection:
        others = sorted(read_attribute_names(connection) - {*compared})
    if others:
        detail = {"message": describe_others(others)}
        workspace.emit(Event("warning", workspace.clock(), detail=detail))


def _read_cases(
    workspace: Workspace, names: Sequence[str], request: ObservationRequest
) -> Iterator[Case]:
    """Yield the customers of month ends whose horizons do not overlap."""
    history = read_history(workspace)
    for window in select_apart(list_month_ends(workspace, history, request)):
        observed = read_month_end(workspace, history, window, request)
        yield from _build_cases(workspace, observed, names, (history, window))


def _build_cases(
    workspace: Workspace,
    observed: Sequence[Observation],
    names: Sequence[str],
    when: tuple[History, Window],
) -> Iterator[Case]:
    history, window = when
    known_at = history.find_knowledge_time(window.until)
    zone = str(workspace.config.workspace.timezone)
    scope = replace(build_day_scope(window.cutoff, zone), known_at=known_at)
    with workspace.store.read() as connection:
        attributes = read_attributes_at(connection, names, window.until, known_at)
        topics = read_ticket_topics(connection, scope, TOPIC_DAYS)
    used = {item.account: days for item in observed if (days := item.values.get(USAGE)) is not None}
    deciles = rank_deciles(used)
    for item in observed:
        levels: dict[str, list[str | None]] = {
            name: [attributes.get(name, {}).get(item.account)] for name in names
        }
        levels["tenure"] = [classify_tenure(item.values[TENURE] or 0.0)]
        if topics:
            levels["topic"] = [*sorted(topics.get(item.account, ()))] or [None]
        if item.account in deciles:
            levels["usage_decile"] = [deciles[item.account]]
        yield Case(item.account, item.outcome in OUTCOMES["churn"], levels, item.values)


def _measure_drivers(workspace: Workspace, cases: Sequence[Case]) -> list[Cause]:
    """Measure the drivers; a sentence says why there are none."""
    churned = sum(case.churned for case in cases)
    if churned < MIN_CHURNED:
        _warn(
            workspace,
            f"{churned} departures in separate horizons are too few to tell drivers apart: the "
            f"logistic step needs {MIN_CHURNED}; a longer history has more",
        )
        return []
    try:
        effects = measure_drivers(cases)
    except ModuleNotFoundError as error:
        _warn(
            workspace,
            f"the logistic step needs {error.name}, which is not installed; install the extra: "
            "pip install 'customer-success-sync[analyse]'",
        )
        return []
    if effects.left_out:
        _warn(
            workspace,
            "left out of the logistic step, as nothing is known of them or hardly any customer "
            f"differs: {', '.join(effects.left_out)}",
        )
    return effects.causes


def read_lifetimes(workspace: Workspace, until: datetime) -> dict[str, Lifetime]:
    """Map account id → its life as a customer.

    From the first MRR to the first time without.

    Args:
        workspace: The workspace.
        until: The end of the history: who pays then is only known to have stayed until then.
    """
    zone = workspace.config.workspace.timezone
    with workspace.store.read() as connection:
        spans = read_mrr_spans(connection, get_mrr_policy(workspace).hash)
        accounts = [account["id"] for account in read_live_accounts(connection)]
    lifetimes = {}
    for account in accounts:
        life = find_life(spans.get(account, ()), until)
        if life is not None:
            start, end = (min(at, until).astimezone(zone).date() for at in life)
            lifetimes[account] = Lifetime(start, end, life[1] <= until)
    return lifetimes


def find_life(spans: Sequence[Span], until: datetime) -> tuple[datetime, datetime] | None:
    """Find when an account began to pay and stopped.

    Args:
        spans: Its MRR.
        until: The end of the history; who stops at this very instant has left.

    Returns:
        None without MRR; a payer stops at the end of time.
    """
    paid = sorted(
        (span.valid_from, span.valid_to or NEVER)
        for span in spans
        if span.amount > 0 and span.valid_from < until
    )
    if not paid:
        return None
    start, end = paid[0]
    for begins, ends in paid:
        if begins > end:
            break
        end = max(end, ends)
    return start, end


def _format_cause(cause: Cause) -> dict[str, Any]:
    effect = cause.effect or (None, None, None)
    return {
        "method": cause.method,
        "factor": cause.factor,
        "level": cause.level,
        "n": cause.counts.n,
        "churned": cause.counts.churned,
        "rate": cause.rate,
        "low": cause.low,
        "high": cause.high,
        "effect": effect[0],
        "effect_low": effect[1],
        "effect_high": effect[2],
        "p_adjusted": cause.p,
    }


def _warn(workspace: Workspace, message: str) -> None:
    workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
