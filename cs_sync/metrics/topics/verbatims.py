"""SQL statements for people's texts: survey comments and ticket subjects."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync.metrics.sql.time_travel import rewrite_as_of
from cs_sync.metrics.topics.group import Verbatim
from cs_sync_schemas.tables import SURVEY_RESPONSE, TICKET

ANSWER = SURVEY_RESPONSE
_SCALE = ("score", "scale_min", "scale_max", "higher_is_better")
_NPS = (0.0, 10.0)


def select_comments(scope: Scope, surveys: Sequence[str] = ()) -> Select[Any]:
    """Select the comments in the scope's periods.

    Args:
        scope: The periods, segments and time of knowledge.
        surveys: Names or kinds of surveys; empty for all.
    """
    conditions: list[ColumnElement[bool]] = [
        and_(ANSWER.c.comment.is_not(None), func.trim(ANSWER.c.comment) != ""),
        _is_within(scope, ANSWER.c.answered_at),
    ]
    if surveys:
        conditions.append(or_(ANSWER.c.survey.in_(surveys), ANSWER.c.kind.in_(surveys)))
    comments = select_attributed(
        scope,
        ANSWER,
        ANSWER.c.answered_at.label("said_at"),
        ANSWER.c.comment.label("text"),
        ANSWER.c.kind,
        ANSWER.c.survey,
        *(ANSWER.c[name] for name in _SCALE),
        where=and_(*conditions),
    )
    return _apply_known_at(scope, select(comments))


def select_subjects(scope: Scope) -> Select[Any]:
    """Select the subjects of tickets opened in the scope's periods."""
    written = and_(TICKET.c.subject.is_not(None), func.trim(TICKET.c.subject) != "")
    subjects = select_attributed(
        scope,
        TICKET,
        TICKET.c.opened_at.label("said_at"),
        TICKET.c.subject.label("text"),
        literal("ticket").label("kind"),
        where=and_(written, _is_within(scope, TICKET.c.opened_at)),
    )
    return _apply_known_at(scope, select(subjects))


def select_nth_newest(texts: Select[Any], n: int) -> Select[Any]:
    """Select when the nth newest text was said.

    Nothing, if there are fewer.
    """
    said_at = texts.subquery().c.said_at
    return select(said_at).order_by(said_at.desc()).offset(n - 1).limit(1)


def _is_within(scope: Scope, moment: ColumnElement[Any]) -> ColumnElement[bool]:
    first, last = scope.periods[0], scope.periods[-1]
    return and_(moment >= bind_instant(first.starts_at), moment < bind_instant(last.ends_at))


def _apply_known_at(scope: Scope, statement: Select[Any]) -> Select[Any]:
    return statement if scope.known_at is None else rewrite_as_of(statement, scope.known_at)


def build_verbatim(scope: Scope, row: Mapping[str, Any]) -> Verbatim:
    """Build a verbatim from a row of either statement.

    Its score is rescaled to 0 to 10, with 10 as the best.
    """
    return Verbatim(
        account_id=row["account_id"],
        said_at=row["said_at"],
        text=row["text"],
        kind=row["kind"],
        survey=row.get("survey"),
        score=_rescale_score(row),
        segment=tuple(row[f"segment_{index}"] for index in range(len(scope.by))),
    )


def _rescale_score(row: Mapping[str, Any]) -> float | None:
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
