"""Survey answers at the ends of many days, read once."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import fsum
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, select

from cs_sync.health.relations import select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.fact_sweeps import DayEnds, FactSweep, Measured, read_as_number
from cs_sync.health.signals.surveys import MEAN_DAYS, list_answer_columns
from cs_sync.metrics.answers import ANSWER, is_scored_answer
from cs_sync_schemas.times import count_microseconds, read_microseconds


class GivenAnswers(NamedTuple):
    """The answers of an account, the oldest first; times in microseconds."""

    times: Sequence[int]
    people: Sequence[str]
    values: Sequence[float]


def _select_answers(kind: str, days: DayEnds) -> Select[Any]:
    """Select the answers that count at the end of any day."""
    at = ANSWER.c.answered_at
    within = and_(at >= days[0].since(MEAN_DAYS[kind]), at < days[-1].until)
    value = list_answer_columns(kind)["value"].label("value")
    own = (ANSWER.c.source, ANSWER.c.source_id, read_as_number(at).label("answered_at"), value)
    answers = select_owned(days[-1], ANSWER, *own, where=and_(is_scored_answer(kind), within))
    columns = (answers.c[name] for name in ("account_id", "answered_at", "person", "value"))
    earliest_first = (answers.c.answered_at, answers.c.source.desc(), answers.c.source_id)
    return select(*columns).order_by(answers.c.account_id, *earliest_first)


def _collect_answers(rows: Iterable[Sequence[Any]]) -> GivenAnswers:
    _, times, people, values = zip(*rows, strict=True)
    return GivenAnswers(times, people, values)


def _make_average(kind: str, scope: SignalScope) -> Callable[[GivenAnswers], Measured | None]:
    since, until = (count_microseconds(at) for at in (scope.since(MEAN_DAYS[kind]), scope.until))

    def average_latest(answers: GivenAnswers) -> Measured | None:
        times, people, values = answers
        first, end = bisect_left(times, since), bisect_left(times, until)
        if first == end:
            return None
        latest = dict(zip(people[first:end], values[first:end], strict=True)).values()
        return fsum(latest) / len(latest), read_microseconds(times[end - 1]), len(latest)

    return average_latest


NPS, CSAT = (
    FactSweep(kind, partial(_select_answers, kind), _collect_answers, partial(_make_average, kind))
    for kind in ("nps", "csat")
)
