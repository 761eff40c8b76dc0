"""When the share of satisfied people fell, some days against those before; pure."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from msgspec import Struct

from cs_sync.health.facts import RatingFact
from cs_sync.metrics.answers import sort_oldest_first


class Share(Struct, frozen=True):
    """How many of the people who answered in some days were satisfied, by their latest answer."""

    satisfied: int
    answers: int

    @property
    def rate(self) -> Fraction:
        """Satisfied ÷ people; only where there are any."""
        return Fraction(self.satisfied, self.answers)


class Drop(Struct, frozen=True):
    """A time in which the share was lower than before: since when, and with which answer.

    `first` is the first answer of the drop: the earliest unsatisfied one of the days that were
    worse when it began. It rests on the answers alone, not on when anybody looked.
    """

    first: RatingFact
    since: datetime
    before: Share


class Timeline:
    """The answers of an account, counted in any two neighbouring stretches of so many days.

    As in the metric `csat`, the latest answer of each person counts.
    """

    def __init__(self, ratings: Sequence[RatingFact], days: int) -> None:
        self.ratings = sort_oldest_first(ratings)
        self.times = [rating.answered_at for rating in self.ratings]
        self.span = timedelta(days=days)

    def recent(self, at: datetime) -> Share:
        """Count the people who answered in the days up to this instant."""
        latest = self.list_latest(at)
        return Share(sum(rating.satisfied for rating in latest), len(latest))

    def before(self, at: datetime) -> Share:
        """Count those of as many days before."""
        return self.recent(at - self.span)

    def list_latest(self, at: datetime) -> list[RatingFact]:
        """List each person's latest answer of these days, oldest first."""
        start, end = self.find_bounds(at)
        latest: dict[str, RatingFact] = {}
        for rating in reversed(self.ratings[start:end]):
            latest.setdefault(rating.person, rating)
        return list(reversed(latest.values()))

    def news(self, at: datetime) -> list[RatingFact]:
        """List the unsatisfied ones of the answers that count, oldest first."""
        return [rating for rating in self.list_latest(at) if not rating.satisfied]

    def instants(self, until: datetime) -> list[datetime]:
        """List the instants at which the timeline changes.

        An answer comes, grows old or is forgotten; nothing changes in between.
        """
        spans = [self.span * number for number in range(3)]
        moments = {moment + span for moment in self.times for span in spans}
        return sorted(instant for instant in moments if instant <= until)

    def find_bounds(self, at: datetime) -> tuple[int, int]:
        """Return the first answer of these days, and the first after them."""
        return self._place(at - self.span), self._place(at)

    def _place(self, at: datetime) -> int:
        return bisect_right(self.times, at)


class SlidingShare:
    """The share of a stretch that only moves forward; each answer enters and leaves it once."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._start = self._end = self._satisfied = 0
        self._latest: dict[str, int] = {}

    def move_to(self, at: datetime) -> Share:
        """Move the stretch's end forward to an instant."""
        start, end = self._timeline.find_bounds(at)
        ratings = self._timeline.ratings
        for number in range(self._end, end):
            person = ratings[number].person
            if (earlier := self._latest.get(person)) is not None:
                self._satisfied -= ratings[earlier].satisfied
            self._latest[person] = number
            self._satisfied += ratings[number].satisfied
        for number in range(self._start, start):
            if self._latest[ratings[number].person] == number:
                del self._latest[ratings[number].person]
                self._satisfied -= ratings[number].satisfied
        self._start, self._end = start, end
        return Share(self._satisfied, len(self._latest))


def find_drops(timeline: Timeline, now: datetime, fall: Fraction, least: int) -> Iterator[Drop]:
    """Yield every drop until now, oldest first.

    A drop that comes and goes around the edge keeps its first answer, and so its name.
    """
    recent, before = SlidingShare(timeline), SlidingShare(timeline)
    going_on = False
    for instant in timeline.instants(now):
        shares = before.move_to(instant - timeline.span), recent.move_to(instant)
        fell = is_drop(*shares, fall, least)
        if fell and not going_on:
            yield Drop(timeline.news(instant)[0], instant, shares[0])
        going_on = fell


def has_fallen(timeline: Timeline, at: datetime, fall: Fraction, least: int) -> bool:
    """Return whether the share is lower than in the days before."""
    return is_drop(timeline.before(at), timeline.recent(at), fall, least)


def is_drop(before: Share, recent: Share, fall: Fraction, least: int) -> bool:
    """Return whether the share fell by so much.

    Enough people must have answered on both sides.
    """
    enough = min(recent.answers, before.answers) >= least
    return enough and before.rate - recent.rate >= fall
