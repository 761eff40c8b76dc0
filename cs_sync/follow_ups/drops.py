"""When the share of satisfied answers fell, some days against those before; pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from cs_sync.health.facts import RatingFact


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the answers of some days were satisfied."""

    satisfied: int
    answers: int

    @property
    def rate(self) -> Fraction:
        """Satisfied ÷ answers; only where there are any."""
        return Fraction(self.satisfied, self.answers)


@dataclass(frozen=True, slots=True)
class Drop:
    """A time in which the share was lower than before: since when, and with which answer.

    `first` is the first answer of the drop: the earliest unsatisfied one of the days that were
    worse when it began. It rests on the answers alone, not on when anybody looked.
    """

    first: RatingFact
    since: datetime
    before: Share


class Timeline:
    """The answers of an account, counted in any two neighbouring stretches of so many days."""

    def __init__(self, ratings: Sequence[RatingFact], days: int) -> None:
        self.ratings = sorted(ratings, key=lambda r: (r.answered_at, r.source, r.source_id))
        self.times = [rating.answered_at for rating in self.ratings]
        self.unsatisfied = [n for n, rating in enumerate(self.ratings) if not rating.satisfied]
        self.span = timedelta(days=days)

    def recent(self, at: datetime) -> Share:
        """The answers of the days up to this instant."""
        start, end = self._place(at - self.span), self._place(at)
        bad = bisect_left(self.unsatisfied, end) - bisect_left(self.unsatisfied, start)
        return Share(end - start - bad, end - start)

    def before(self, at: datetime) -> Share:
        """The answers of as many days before those."""
        return self.recent(at - self.span)

    def instants(self, until: datetime) -> list[datetime]:
        """When an answer comes, grows old or is forgotten: nothing changes in between."""
        spans = [self.span * number for number in range(3)]
        found = {moment + span for moment in self.times for span in spans}
        return sorted(instant for instant in found if instant <= until)

    def first_unsatisfied(self, at: datetime) -> RatingFact:
        """The earliest unsatisfied answer of the days up to this instant."""
        place = bisect_left(self.unsatisfied, self._place(at - self.span))
        return self.ratings[self.unsatisfied[place]]

    def news(self, at: datetime) -> list[RatingFact]:
        """The unsatisfied answers of the days up to this instant, oldest first."""
        start, end = self._place(at - self.span), self._place(at)
        return [rating for rating in self.ratings[start:end] if not rating.satisfied]

    def _place(self, at: datetime) -> int:
        return bisect_right(self.times, at)


def find_drops(timeline: Timeline, now: datetime, fall: Fraction, least: int) -> Iterator[Drop]:
    """Every drop until now, oldest first: by at least `fall`, with `least` answers on both sides.

    A drop that comes and goes around the edge keeps its first answer, and so its name.
    """
    going_on = False
    for instant in timeline.instants(now):
        fell = has_fallen(timeline, instant, fall, least)
        if fell and not going_on:
            first, before = timeline.first_unsatisfied(instant), timeline.before(instant)
            yield Drop(first, instant, before)
        going_on = fell


def has_fallen(timeline: Timeline, at: datetime, fall: Fraction, least: int) -> bool:
    """Whether the share is lower than in the days before, and enough people answered in both."""
    recent, before = timeline.recent(at), timeline.before(at)
    enough = min(recent.answers, before.answers) >= least
    return enough and before.rate - recent.rate >= fall
