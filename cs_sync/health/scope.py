"""The moment and the accounts of a health query."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cs_sync.metrics.periods import get_day_start
from cs_sync.metrics.sql.chosen_accounts import ChosenAccounts


@dataclass(frozen=True, slots=True)
class SignalScope:
    """Facts before `until` (UTC, exclusive) count; `day` is that moment's day in `zone`.

    `known_at` asks what would have been said with the records known then (None: now), and
    `accounts` limits the answer to some accounts (empty: all). Who used one of `active_features`
    was active (empty: who used anything). `policy` is the hash of the MRR policy.
    """

    until: datetime
    day: date
    zone: str = "UTC"
    known_at: datetime | None = None
    accounts: ChosenAccounts = ()
    active_features: Sequence[str] = ()
    policy: str = ""

    def since(self, days: int) -> datetime:
        """Return the instant when the last `days` calendar days begin, `day` included."""
        return get_day_start(self.first_day(days), self.zone)

    def first_day(self, days: int) -> date:
        """Return the first of the last `days` calendar days, `day` included."""
        return self.day - timedelta(days=days - 1)

    def to_local_day(self, at: datetime) -> date:
        """Return the day of an instant in the reporting zone."""
        return at.astimezone(ZoneInfo(self.zone)).date()


def build_day_scope(day: date, zone: str = "UTC", accounts: ChosenAccounts = ()) -> SignalScope:
    """Build the scope of everything up to the end of a day."""
    return SignalScope(get_day_start(day + timedelta(days=1), zone), day, zone, None, accounts)
