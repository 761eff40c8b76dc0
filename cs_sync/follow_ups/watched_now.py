"""A now that notes up to when all that was asked of it has the same answer.

Playbooks compare facts with the hour, and days without use with the last day of use that was read,
each in its own way: an answer is recent, a subscription is still to end, nobody came for a month.
So what they compare with tells when the first of these comparisons turns.
"""

from datetime import datetime, timedelta
from typing import Any, Self

from msgspec import Struct

_OWN = frozenset({"plain", "turns"})
_read = datetime.__getattribute__
"""Reads what an instant has itself, unwatched: it is asked some fifty times an account."""


class Turns(Struct):
    """When answers may be others: at an instant, and with so many days of use more."""

    start: datetime
    at: datetime | None = None
    """The first such instant; `start` if it is not known, None if there is none."""
    days: int | None = None
    """The fewest such days; None if there are none."""

    def note_instant(self, ahead: timedelta = timedelta(0)) -> None:
        """Note that an answer turns so long after the start."""
        self.at = min(self.at or self.start + ahead, self.start + ahead)

    def note_days(self, days: int) -> None:
        """Note that an answer turns with so many days more."""
        self.days = min(self.days or days, days)


class WatchedInstant(datetime):
    """An instant of now; what is counted back or forward from it is watched with it."""

    plain: datetime
    """The same, unwatched."""
    turns: Turns
    """When what was asked of it turns."""

    @classmethod
    def watch_now(cls, now: datetime) -> Self:
        """Return the instant, watched from here on."""
        return cls._make(now, Turns(now))

    @classmethod
    def _make(cls, plain: datetime, turns: Turns) -> Self:
        made = cls(
            plain.year, plain.month, plain.day, plain.hour, plain.minute, plain.second,
            plain.microsecond, plain.tzinfo, fold=plain.fold,
        )  # fmt: skip
        made.plain, made.turns = plain, turns
        return made

    def __lt__(self, other: Any) -> bool:
        return bool(_read(self, "plain") < _note(self, other))

    def __le__(self, other: Any) -> bool:
        return bool(_read(self, "plain") <= _note(self, other))

    def __gt__(self, other: Any) -> bool:
        return bool(_read(self, "plain") > _note(self, other))

    def __ge__(self, other: Any) -> bool:
        return bool(_read(self, "plain") >= _note(self, other))

    def __eq__(self, other: object) -> bool:
        return bool(_read(self, "plain") == _note(self, other))

    def __hash__(self) -> int:
        _read(self, "turns").note_instant()
        return hash(_read(self, "plain"))

    def __add__(self, by: timedelta) -> Self:
        return type(self)._make(_read(self, "plain") + by, _read(self, "turns"))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, timedelta):
            return self + -other
        if isinstance(other, WatchedInstant):
            return _read(self, "plain") - other.plain
        _read(self, "turns").note_instant()
        return _read(self, "plain") - other

    def __rsub__(self, other: datetime) -> timedelta:
        _read(self, "turns").note_instant()
        ahead: timedelta = other - _read(self, "plain")
        return ahead

    def __getattribute__(self, name: str) -> Any:
        """Return what the plain instant has.

        What it is used for is not known.
        """
        if name in _OWN:
            return _read(self, name)
        _read(self, "turns").note_instant()
        return getattr(_read(self, "plain"), name)


def _note(now: WatchedInstant, other: Any) -> Any:
    """Note when a comparison turns: what lies ahead will be past.

    Returns:
        The other, unwatched.
    """
    if isinstance(other, WatchedInstant):
        return other.plain  # both move on
    if isinstance(other, datetime) and (ahead := other - _read(now, "plain")) >= timedelta(0):
        _read(now, "turns").note_instant(ahead)
    return other


class WatchedDays(int):
    """A number of days that grows with the days of use; it is compared, and nothing else."""

    turns: Turns

    @classmethod
    def watch_count(cls, days: int, turns: Turns) -> Self:
        """Return the number, watched from here on."""
        made = cls(days)
        made.turns = turns
        return made

    def _note(self, other: int) -> int:
        """Note when a comparison turns, and return the number itself."""
        days = int(self)
        if other >= days:
            self.turns.note_days(max(other - days, 1))
        return days

    def __lt__(self, other: int) -> bool:
        return self._note(other) < other

    def __le__(self, other: int) -> bool:
        return self._note(other) <= other

    def __gt__(self, other: int) -> bool:
        return self._note(other) > other

    def __ge__(self, other: int) -> bool:
        return self._note(other) >= other


def get_plain(at: datetime) -> datetime:
    """Return an instant unwatched: for what holds the whole day."""
    return at.plain if isinstance(at, WatchedInstant) else at


def watch_days(days: int, now: datetime) -> int:
    """Watch a number of days together with a now."""
    return WatchedDays.watch_count(days, now.turns) if isinstance(now, WatchedInstant) else days
