"""What a playbook is shown: everything about one account at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cs_sync.health.evidence import AnswerFact, TicketFact


@dataclass(frozen=True, slots=True)
class MovementFact:
    """A change of MRR at the instant it took effect: a positive magnitude in minor units."""

    at: datetime
    kind: str
    amount: int
    currency: str
    cause: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account as it stands at `now` (UTC); `zone` is the reporting zone for days in words."""

    id: str
    now: datetime
    name: str | None = None
    owner_source: str | None = None
    owner_source_id: str | None = None
    score: float | None = None
    band: str | None = None
    band_since: date | None = None
    """First day of the unbroken time in this band, as far as scores are stored."""
    reasons: tuple[str, ...] = ()
    mrr: Mapping[str, int] = field(default_factory=dict)
    """Currency → minor units per month; empty for who pays nothing."""
    answers: tuple[AnswerFact, ...] = ()
    movements: tuple[MovementFact, ...] = ()
    tickets: tuple[TicketFact, ...] = ()
    zone: str = "UTC"

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id

    @property
    def today(self) -> date:
        """The day of `now` in the reporting zone."""
        return self.now.astimezone(ZoneInfo(self.zone)).date()
