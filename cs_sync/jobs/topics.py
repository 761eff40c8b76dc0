"""What customers say: comments and subjects of tickets by topic, computed anew when asked.

Nothing of it is stored, so that who is forgotten is in no topic either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from importlib.util import find_spec
from typing import Any
from zoneinfo import ZoneInfo

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.jobs.derive import ensure_mrr, policy_of
from cs_sync.jobs.metrics import check_attributes
from cs_sync.jobs.workspace import Workspace
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.topics import FEWEST, Topic, Verbatim, topics
from cs_sync.metrics.verbatims import comments_said, subjects_said, verbatim
from cs_sync.store.lookup import mrr_at
from cs_sync.store.rates import read_rates

ACCOUNT = "account"
YEAR = timedelta(days=365)
NEWEST = 5_000
"""Comments that a report groups: enough to tell what is said, at every run, in a few seconds."""
Worth = Mapping[str, int | None]
"""Account → its MRR in the reporting currency; None where no rate is known."""


def said_topics(
    workspace: Workspace,
    *,
    since: date | None = None,
    until: date | None = None,
    known_at: datetime | None = None,
    surveys: Sequence[str] = (),
    tickets: bool = True,
    by: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """One row per topic and segment, the topic of which most is said first.

    What was said in `[since, until)`, by default in the year before today. `surveys` (names or
    kinds) leaves out other surveys, and tickets. `by` attributes, and by `account`. Raises
    ConfigError.
    """
    attributes = tuple(name for name in by if name != ACCOUNT)
    scope = _scope(workspace, since, until, known_at, attributes)
    said = _said(workspace, scope, surveys, tickets=tickets and not surveys)
    if ACCOUNT in by:
        said = [replace(one, segment=(*one.segment, one.account_id)) for one in said]
        attributes = (*attributes, ACCOUNT)
    found = grouped(said)
    _tell_few(workspace, said, found)
    worth = _worth(workspace, scope, {v.account_id for v in said if v.account_id})
    rows: list[dict[str, Any]] = []
    for segment in sorted({v.segment for v in said}, key=str):
        parts = [topic.within(segment) for topic in found]
        total = sum(len(part.verbatims) for part in parts)
        named = dict(zip(attributes, segment, strict=True))
        rows += [_row(workspace, scope, p, named, total, worth) for p in parts if p.verbatims]
    return rows


def newest_topics(workspace: Workspace) -> list[dict[str, Any]]:
    """The topics of the last year, of its newest comments; none where few wrote anything.

    Without scikit-learn there are none either: a report does not need it.
    """
    scope = _scope(workspace, None, None, None, ())
    said = _said(workspace, scope, (), tickets=True)
    said = sorted(said, key=lambda one: one.said_at, reverse=True)[:NEWEST]
    if len(said) < FEWEST or find_spec("sklearn") is None:
        return []
    worth = _worth(workspace, scope, {v.account_id for v in said if v.account_id})
    found = [topic for topic in grouped(said) if topic.words]
    return [_row(workspace, scope, topic, {}, len(said), worth) for topic in found]


def grouped(said: Sequence[Verbatim]) -> list[Topic]:
    """Texts by topic. Raises ConfigError without scikit-learn."""
    try:
        return topics(said)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"topics need {error.name}, which is not installed",
            "install the extra: pip install 'customer-success-sync[analyse]'",
        ) from error


def _scope(
    workspace: Workspace,
    since: date | None,
    until: date | None,
    known_at: datetime | None,
    by: Sequence[str],
) -> Scope:
    end = until or workspace.today + timedelta(days=1)
    start = since or end - YEAR
    if start >= end:
        raise ConfigError(f"{start} is not before {end}", "give an earlier day with --since")
    check_attributes(workspace, by)
    period = Period(start, end, str(workspace.config.workspace.timezone))
    return Scope((period,), policy=policy_of(workspace), by=tuple(by), known_at=known_at)


def _said(
    workspace: Workspace, scope: Scope, surveys: Sequence[str], *, tickets: bool
) -> list[Verbatim]:
    statements = [comments_said(scope, surveys), *([subjects_said(scope)] if tickets else [])]
    with workspace.store.read() as connection:
        return [
            verbatim(scope, row._asdict())
            for statement in statements
            for row in connection.execute(statement)
        ]


def _worth(workspace: Workspace, scope: Scope, accounts: set[str]) -> Worth:
    """What the accounts pay at the end of the period, or now where it lasts longer."""
    if not accounts:
        return {}
    ensure_mrr(workspace, scope.policy)
    at = min(scope.periods[-1].ends_at, scope.known_at or workspace.clock())
    target = workspace.config.workspace.currency
    with workspace.store.read() as connection:
        paid = mrr_at(connection, at, policy=scope.policy.hash, known_at=scope.known_at)
        rates = read_rates(connection, scope.known_at)
    found: dict[str, int | None] = {}
    for account in accounts:
        parts = paid.get(account, {}).items()
        worth = [(amount, rates.minor(at.date(), own, target)) for own, amount in parts]
        known = [amount * rate for amount, rate in worth if rate is not None]
        found[account] = round(sum(known, Fraction())) if len(known) == len(worth) else None
    _tell_unknown(workspace, sorted(one for one, amount in found.items() if amount is None), target)
    return found


def _row(
    workspace: Workspace,
    scope: Scope,
    topic: Topic,
    segment: Mapping[str, Any],
    total: int,
    worth: Worth,
) -> dict[str, Any]:
    period = scope.periods[0]
    known = [amount for one in topic.account_ids if (amount := worth.get(one)) is not None]
    return {
        "topic": ", ".join(topic.words) or None,
        "period_start": period.start,
        "period_end": period.end,
        "segment": segment,
        "n": len(topic.verbatims),
        "share": len(topic.verbatims) / total,
        "accounts": topic.accounts,
        "mean_score": topic.mean_score,
        "detractor_share": topic.detractor_share,
        "mrr": sum(known) if known else None,
        "currency": workspace.config.workspace.currency,
        "comments": [_comment(one, period.zone) for one in topic.verbatims],
    }


def _comment(said: Verbatim, zone: str) -> dict[str, Any]:
    return {
        "account": said.account_id,
        "day": said.said_at.astimezone(ZoneInfo(zone)).date(),
        "kind": said.kind,
        "survey": said.survey,
        "score": said.score,
        "text": said.text,
    }


def _tell_few(workspace: Workspace, said: Sequence[Verbatim], found: Sequence[Topic]) -> None:
    if any(topic.words for topic in found):
        return
    told = "nobody wrote anything in this time"
    if len(said) >= FEWEST:
        told = f"{len(said)} comments have no words in common: they are not grouped"
    elif said:
        told = f"{len(said)} comments are too few to be grouped: topics need {FEWEST}"
    _tell(workspace, told)


def _tell_unknown(workspace: Workspace, accounts: Sequence[str], target: str) -> None:
    if accounts:
        names = ", ".join(accounts[:5])
        _tell(workspace, f"no rate to {target} for the MRR of {names}: it is left out of mrr")


def _tell(workspace: Workspace, note: str) -> None:
    detail = {"step": "topics", "message": note}
    workspace.emit(Event("step_ended", workspace.clock(), detail=detail))
