"""Topics of customer comments and ticket subjects, computed on request.

Of the report's it is kept which comments are together, and the words that they share: no text.
Erasing a person deletes that, so an erased person is in no topic.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from heapq import nlargest
from importlib.util import find_spec
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from msgspec import Struct, structs

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.topics.group import MIN_TEXTS, Topic, Verbatim, find_topics
from cs_sync.metrics.topics.verbatims import (
    build_verbatim,
    select_comments,
    select_nth_newest,
    select_subjects,
)
from cs_sync.queries.kept_results import KeptAnswers, hash_parts
from cs_sync.queries.metrics import check_attributes
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import read_mrr_at
from cs_sync.store.queries.batches import fetch_batches
from cs_sync.store.queries.fx_rates import read_fx_rates

ACCOUNT = "account"
KIND, ALL = "topics", "all"
YEAR = timedelta(days=365)
MAX_REPORT_COMMENTS = 5_000
"""Comments that a report groups: enough to tell what is said, at every run, in a few seconds."""
COMMENTS_AT_ONCE = 1_000
"""Rows of comments in memory at once."""
MrrByAccount = Mapping[str, int | None]
"""Account → its MRR in the reporting currency; None where no rate is known."""
Amounts = Mapping[str, int]
"""Currency → minor units."""


class TopicRequest(Struct, frozen=True):
    """Which comments to group.

    since, until   written in `[since, until)`; by default the year that ends with today
    known_at       use only what was known at this time
    surveys        only surveys of these names or kinds; excludes tickets
    tickets        include the subjects of tickets
    by             `account`, or account attributes
    """

    since: date | None = None
    until: date | None = None
    known_at: datetime | None = None
    surveys: Sequence[str] = ()
    tickets: bool = True
    by: Sequence[str] = ()


def list_topics(workspace: Workspace, request: TopicRequest) -> list[dict[str, Any]]:
    """List the topics of comments, largest first.

    Returns:
        One row per topic and segment.

    Raises:
        ConfigError: An option is unknown, or SciPy is missing.
    """
    attributes = tuple(name for name in request.by if name != ACCOUNT)
    scope = _build_scope(workspace, structs.replace(request, by=attributes))
    tickets = request.tickets and not request.surveys
    comments = list(_read_comments(workspace, scope, request.surveys, tickets=tickets))
    if ACCOUNT in request.by:
        comments = [
            structs.replace(comment, segment=(*comment.segment, comment.account_id))
            for comment in comments
        ]
        attributes = (*attributes, ACCOUNT)
    topics = group_by_topic(comments)
    _emit_missing_topics(workspace, comments, topics)
    worth = _read_account_mrr(workspace, scope, {v.account_id for v in comments if v.account_id})
    rows: list[dict[str, Any]] = []
    for segment in sorted({v.segment for v in comments}, key=str):
        parts = [topic.select_segment(segment) for topic in topics]
        total = sum(len(part.verbatims) for part in parts)
        named = dict(zip(attributes, segment, strict=True))
        rows += [
            _format_topic(workspace, scope, p, named, total, worth) for p in parts if p.verbatims
        ]
    return rows


def list_newest_topics(workspace: Workspace, paid: Mapping[str, Amounts]) -> list[dict[str, Any]]:
    """List the topics of one year's newest comments.

    Without SciPy it is empty too: a report does not require it.

    Args:
        workspace: The workspace.
        paid: Account → its MRR now: currency → minor units.
    """
    if find_spec("scipy") is None:
        return []
    scope = _build_scope(workspace, TopicRequest())
    period = scope.periods[0]
    first = _find_first_day(workspace, scope)
    newest = replace(scope, periods=(structs.replace(period, start=max(period.start, first)),))
    all_comments = _read_comments(workspace, newest, (), tickets=True)
    comments = nlargest(MAX_REPORT_COMMENTS, all_comments, key=lambda comment: comment.said_at)
    if len(comments) < MIN_TEXTS:
        return []
    accounts = {v.account_id for v in comments if v.account_id}
    worth = _convert_mrr(workspace, scope, paid, accounts)
    topics = [topic for topic in _group_or_keep(workspace, comments) if topic.words]
    return [_format_topic(workspace, scope, topic, {}, len(comments), worth) for topic in topics]


def _group_or_keep(workspace: Workspace, comments: Sequence[Verbatim]) -> list[Topic]:
    """Group comments by topic, or return the kept groups."""
    texts = [(comment.said_at, comment.text, comment.kind) for comment in comments]
    kept = KeptAnswers(workspace, KIND, hash_parts(texts))
    if (grouped := kept.get(ALL)) is not None:
        return [
            Topic(tuple(words), tuple(comments[place] for place in places))
            for words, places in orjson.loads(grouped)
        ]
    topics = group_by_topic(comments)
    places = {id(comment): place for place, comment in enumerate(comments)}
    rows = [[topic.words, [places[id(v)] for v in topic.verbatims]] for topic in topics]
    kept.replace({ALL: orjson.dumps(rows).decode()})
    return topics


def group_by_topic(comments: Sequence[Verbatim]) -> list[Topic]:
    """Group comments by topic.

    Raises:
        ConfigError: SciPy is missing.
    """
    try:
        return find_topics(comments)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"topics need {error.name}, which is not installed",
            "install the extra: pip install 'customer-success-sync[analyse]'",
        ) from error


def _build_scope(workspace: Workspace, request: TopicRequest) -> Scope:
    end = request.until or workspace.today + timedelta(days=1)
    start = request.since or end - YEAR
    if start >= end:
        raise ConfigError(f"{start} is not before {end}", "give an earlier day with --since")
    by = tuple(request.by)
    check_attributes(workspace, by)
    period = Period(start, end, str(workspace.config.workspace.timezone))
    return Scope((period,), policy=get_mrr_policy(workspace), by=by, known_at=request.known_at)


def _read_comments(
    workspace: Workspace, scope: Scope, surveys: Sequence[str], *, tickets: bool
) -> Iterator[Verbatim]:
    """Read comments one by one.

    Those of all accounts would take much memory.
    """
    statements = [select_comments(scope, surveys), *([select_subjects(scope)] if tickets else [])]
    with workspace.store.read() as connection:
        for statement in statements:
            for rows in fetch_batches(connection, statement, COMMENTS_AT_ONCE):
                yield from (build_verbatim(scope, row._asdict()) for row in rows)


def _find_first_day(workspace: Workspace, scope: Scope) -> date:
    """Find a day since which there are enough comments or tickets."""
    zone = ZoneInfo(scope.periods[0].zone)
    with workspace.store.read() as connection:
        moments = [
            connection.scalar(select_nth_newest(statement, MAX_REPORT_COMMENTS))
            for statement in (select_comments(scope), select_subjects(scope))
        ]
    days = [moment.astimezone(zone).date() for moment in moments if moment is not None]
    return max(days, default=scope.periods[0].start)


def _read_account_mrr(workspace: Workspace, scope: Scope, accounts: set[str]) -> MrrByAccount:
    """Return the accounts' MRR in the reporting currency."""
    if not accounts:
        return {}
    with workspace.store.read() as connection:
        at, known_at = _get_moment(workspace, scope), scope.known_at
        paid = read_mrr_at(connection, at, scope.policy.hash, known_at=known_at)
    return _convert_mrr(workspace, scope, paid, accounts)


def _get_moment(workspace: Workspace, scope: Scope) -> datetime:
    """Get the time as of which MRR counts."""
    return min(scope.periods[-1].ends_at, scope.known_at or workspace.clock())


def _convert_mrr(
    workspace: Workspace, scope: Scope, paid: Mapping[str, Amounts], accounts: set[str]
) -> MrrByAccount:
    """Convert accounts' MRR into the reporting currency."""
    at, target = _get_moment(workspace, scope), workspace.config.workspace.currency
    with workspace.store.read() as connection:
        rates = read_fx_rates(connection, scope.known_at)
    mrr: dict[str, int | None] = {}
    for account in accounts:
        parts = paid.get(account, {}).items()
        worth = [(amount, rates.minor(at.date(), own, target)) for own, amount in parts]
        converted = [amount * rate for amount, rate in worth if rate is not None]
        mrr[account] = round(sum(converted, Fraction())) if len(converted) == len(worth) else None
    _emit_missing_rates(
        workspace,
        sorted(account_id for account_id, amount in mrr.items() if amount is None),
        target,
    )
    return mrr


def _format_topic(
    workspace: Workspace,
    scope: Scope,
    topic: Topic,
    segment: Mapping[str, Any],
    total: int,
    worth: MrrByAccount,
) -> dict[str, Any]:
    period = scope.periods[0]
    amounts = [amount for item in topic.account_ids if (amount := worth.get(item)) is not None]
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
        "mrr": sum(amounts) if amounts else None,
        "currency": workspace.config.workspace.currency,
        "comments": [_format_comment(item, period.zone) for item in topic.verbatims],
    }


def _format_comment(comment: Verbatim, zone: str) -> dict[str, Any]:
    return {
        "account": comment.account_id,
        "day": comment.said_at.astimezone(ZoneInfo(zone)).date(),
        "kind": comment.kind,
        "survey": comment.survey,
        "score": comment.score,
        "text": comment.text,
    }


def _emit_missing_topics(
    workspace: Workspace, comments: Sequence[Verbatim], topics: Sequence[Topic]
) -> None:
    if any(topic.words for topic in topics):
        return
    message = "nobody wrote anything in this time"
    if len(comments) >= MIN_TEXTS:
        message = f"{len(comments)} comments have no words in common: they are not grouped"
    elif comments:
        message = f"{len(comments)} comments are too few to be grouped: topics need {MIN_TEXTS}"
    _emit_note(workspace, message)


def _emit_missing_rates(workspace: Workspace, accounts: Sequence[str], target: str) -> None:
    if accounts:
        names = ", ".join(accounts[:5])
        _emit_note(workspace, f"no rate to {target} for the MRR of {names}: it is left out of mrr")


def _emit_note(workspace: Workspace, note: str) -> None:
    detail = {"step": "topics", "message": note}
    workspace.emit(Event("step_ended", workspace.clock(), detail=detail))
