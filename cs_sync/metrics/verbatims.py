"""Statements that find what people wrote: comments of answers, and subjects of tickets."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select

from cs_sync.metrics.as_known import as_known
from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.portable import instant
from cs_sync.metrics.topics import Verbatim
from cs_sync_schemas import SurveyResponse, Ticket, table_of

ANSWER, TICKET = table_of(SurveyResponse), table_of(Ticket)
_SCALE = ("score", "scale_min", "scale_max", "higher_is_better")
_NPS = (0.0, 10.0)


def comments_said(scope: Scope, surveys: Sequence[str] = ()) -> Select[Any]:
    """Comments within the scope's periods, of these surveys (by name or kind) or of all."""
    wanted: list[ColumnElement[bool]] = [
        and_(ANSWER.c.comment.is_not(None), func.trim(ANSWER.c.comment) != ""),
        _within(scope, ANSWER.c.answered_at),
    ]
    if surveys:
        wanted.append(or_(ANSWER.c.survey.in_(surveys), ANSWER.c.kind.in_(surveys)))
    said = attributed(
        scope,
        ANSWER,
        ANSWER.c.answered_at.label("said_at"),
        ANSWER.c.comment.label("text"),
        ANSWER.c.kind,
        ANSWER.c.survey,
        *(ANSWER.c[name] for name in _SCALE),
        where=and_(*wanted),
    )
    return _known(scope, select(said))


def subjects_said(scope: Scope) -> Select[Any]:
    """Subjects of the tickets that were opened within the scope's periods."""
    written = and_(TICKET.c.subject.is_not(None), func.trim(TICKET.c.subject) != "")
    said = attributed(
        scope,
        TICKET,
        TICKET.c.opened_at.label("said_at"),
        TICKET.c.subject.label("text"),
        literal("ticket").label("kind"),
        where=and_(written, _within(scope, TICKET.c.opened_at)),
    )
    return _known(scope, select(said))


def _within(scope: Scope, moment: ColumnElement[Any]) -> ColumnElement[bool]:
    first, last = scope.periods[0], scope.periods[-1]
    return and_(moment >= instant(first.starts_at), moment < instant(last.ends_at))


def _known(scope: Scope, statement: Select[Any]) -> Select[Any]:
    return statement if scope.known_at is None else as_known(statement, scope.known_at)


def verbatim(scope: Scope, row: Mapping[str, Any]) -> Verbatim:
    """A row of either statement; its score stretched to 0 to 10, with 10 as the best."""
    return Verbatim(
        account_id=row["account_id"],
        said_at=row["said_at"],
        text=row["text"],
        kind=row["kind"],
        survey=row.get("survey"),
        score=_of_ten(row),
        segment=tuple(row[f"segment_{index}"] for index in range(len(scope.by))),
    )


def _of_ten(row: Mapping[str, Any]) -> float | None:
    score = row.get("score")
    if score is None:
        return None
    low, high = row["scale_min"], row["scale_max"]
    if row["kind"] == "nps" and low is None:
        low, high = _NPS
    if low is None or high is None or low == high:
        return None
    place: float = 10.0 * (score - low) / (high - low)
    return place if row["higher_is_better"] else 10.0 - place
