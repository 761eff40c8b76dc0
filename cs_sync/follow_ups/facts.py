"""Facts that only follow-ups use: an account's people, and its renewals."""

from datetime import date, datetime

from msgspec import Struct


class PersonFact(Struct, frozen=True, array_like=True):
    """A person of the account, with their use of the product.

    `recent_days` are days of use of the last 14, `earlier_days` of the 56 before; `last_day`
    is None without use in 180 days.
    """

    id: str
    name: str | None
    role: str | None = None
    last_day: date | None = None
    recent_days: int = 0
    earlier_days: int = 0


class RenewalFact(Struct, frozen=True):
    """The next renewal of a running subscription that is billed for a year or longer."""

    source: str
    source_id: str
    renews_at: datetime
    months: int
    url: str | None = None
