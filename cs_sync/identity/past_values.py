"""The values of an attribute over time: as its source tells them, else as syncs saw them; pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
"""What is seen of an account for the first time is taken to have been so from the beginning."""


class ValueChange(NamedTuple):
    """A value and the time at which a source took it on; None emptied it."""

    at: datetime
    value: str | None


class ValuePeriod(NamedTuple):
    """A value in `[since, until)`; None is still."""

    since: datetime
    until: datetime | None
    value: str


History = Sequence[ValueChange]
"""The changes of one value, oldest first."""


def choose_history(histories: Iterable[History], current: str | None) -> History:
    """Choose the first history that leads to the current value.

    Another one tells of a record that another record has outvoted since.
    """
    return next((history for history in histories if history and history[-1].value == current), ())


def trace_values(
    history: History, current: str | None, believed: Sequence[ValuePeriod], now: datetime
) -> Sequence[ValuePeriod]:
    """Return the periods of a value, oldest first.

    A history replaces what was believed since its first change, and what was only assumed of the
    time before. Without one a new value holds from now on.

    Args:
        history: The changes that lead to the current value; empty where no source tells them.
        current: The value of now.
        believed: The periods as they were known until now.
        now: The time of the sync.
    """
    if history:
        return [*_cut_periods(believed, history[0].at), *_list_periods(history)]
    last = believed[-1] if believed else None
    if last is not None and last.until is None:
        if last.value == current:
            return believed
        believed = [*believed[:-1], last._replace(until=now)]
    if current is None:
        return believed
    return [*believed, ValuePeriod(now if believed else BEGINNING, None, current)]


def _cut_periods(believed: Iterable[ValuePeriod], end: datetime) -> Iterator[ValuePeriod]:
    """Yield what syncs saw before an instant, without what was assumed."""
    for period in believed:
        if BEGINNING < period.since < end:
            until = end if period.until is None else min(period.until, end)
            yield period._replace(until=until)


def _list_periods(history: History) -> list[ValuePeriod]:
    """List the periods of a history; equal neighbours are one."""
    periods: list[ValuePeriod] = []
    ends: list[datetime | None] = [*(change.at for change in history[1:]), None]
    for change, end in zip(history, ends, strict=True):
        if change.value is None or end == change.at:
            continue
        before = periods[-1] if periods else None
        if before is not None and (before.until, before.value) == (change.at, change.value):
            periods[-1] = before._replace(until=end)
        else:
            periods.append(ValuePeriod(change.at, end, change.value))
    return periods
