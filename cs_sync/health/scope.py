"""The moment and the accounts for which health is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class SignalScope:
    """Facts before `until` (UTC, exclusive) count; `day` is that moment's day in `zone`.

    `known_at` asks what would have been said with the records known then (None: now), and
    `accounts` limits the answer to some accounts (empty: all). Who used one of `active_features`
    was active (empty: who used anything).
    """

    until: datetime
    day: date
    zone: str = "UTC"
    known_at: datetime | None = None
    accounts: Sequence[str] = ()
    active_features: Sequence[str] = ()

    def since(self, days: int) -> datetime:
        """The instant at which the last `days` calendar days, `day` included, begin."""
        return midnight(self.first_day(days), self.zone)

    def first_day(self, days: int) -> date:
        """The first of the last `days` calendar days, `day` included."""
        return self.day - timedelta(days=days - 1)

    def local_day(self, at: datetime) -> date:
        """The day of an instant in the reporting zone."""
        return at.astimezone(ZoneInfo(self.zone)).date()


def end_of(day: date, zone: str = "UTC", accounts: Sequence[str] = ()) -> SignalScope:
    """The scope of everything that had happened when a day ended."""
    return SignalScope(midnight(day + timedelta(days=1), zone), day, zone, None, accounts)


def midnight(day: date, zone: str) -> datetime:
    """The UTC instant at which a day begins in a zone."""
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone)).astimezone(UTC)
