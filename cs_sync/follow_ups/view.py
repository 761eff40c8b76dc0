"""Input of a playbook: everything about one account at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from cs_sync.follow_ups.facts import PersonFact, RenewalFact
from cs_sync.follow_ups.watched_now import get_plain, watch_days
from cs_sync.health.facts import (
    AnswerFact,
    FeatureFact,
    OverdueInvoice,
    RatingFact,
    ReferralFact,
    RunningSubscription,
    StepFact,
    TicketFact,
    UsageFact,
    sum_owed,
)
from cs_sync.health.money_at_risk import assess_risk, calculate_money_at_risk
from cs_sync.i18n import ENGLISH, Translator
from cs_sync_schemas.money import to_major_units


@lru_cache(1_000)
def get_local_day(at: datetime, zone: str) -> date:
    """Return the day of an instant in a zone."""
    return at.astimezone(ZoneInfo(zone)).date()


class MovementFact(Struct, frozen=True):
    """A change of MRR at its effective instant: a positive amount in minor units."""

    at: datetime
    kind: str
    amount: int
    currency: str
    cause: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account at `now` (UTC); `zone` is the reporting zone for days in texts."""

    id: str
    now: datetime
    subject: str = ""
    """What names it in the keys of follow-ups: its record in the CRM; empty for its own id."""
    name: str | None = None
    owner_source: str | None = None
    owner_source_id: str | None = None
    created_at: datetime | None = None
    score: float | None = None
    band: str | None = None
    band_since: date | None = None
    """First day of the unbroken time in this band, as far as scores are stored."""
    band_turned: bool = True
    """Whether it was in another band before; false from the first stored score on."""
    churn_probability: float | None = None
    """None while no accepted model gives one."""
    is_leaving: bool = False
    """Whether all that it pays for is going to end."""
    reasons: tuple[str, ...] = ()
    mrr: Mapping[str, int] = field(default_factory=dict)
    """Currency → minor units per month; empty for who pays nothing."""
    seats: float | None = None
    """The largest number of units that one of its subscriptions pays for."""
    answers: tuple[AnswerFact, ...] = ()
    ratings: tuple[RatingFact, ...] = ()
    """Its CSAT answers of a year, oldest first."""
    movements: tuple[MovementFact, ...] = ()
    """Those that are news: no restatements of closed months, no corrections of the past."""
    tickets: tuple[TicketFact, ...] = ()
    usage: UsageFact | None = None
    usage_until: date | None = None
    """The last day on which anybody used the product: as far as usage was read."""
    never_used_since: date | None = None
    """When it was bought, of an account that a source of usage knows and that never used it."""
    features: tuple[FeatureFact, ...] = ()
    popular: Mapping[str, float] = field(default_factory=dict)
    """Feature → share of the accounts that used it in the last 28 days."""
    steps: tuple[StepFact, ...] = ()
    referrals: tuple[ReferralFact, ...] = ()
    subscriptions: tuple[RunningSubscription, ...] = ()
    invoices: tuple[OverdueInvoice, ...] = ()
    """Those that are overdue, newest first."""
    renewals: tuple[RenewalFact, ...] = ()
    people: tuple[PersonFact, ...] = ()
    last_contact: date | None = None
    """The last day on which somebody logged a contact; None if unknown."""
    typical_mrr: float | None = None
    """The median MRR of the paying customers, in currency units."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Source → where a person can open the account there."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Source → how people write its name."""
    connected: Mapping[str, datetime] = field(default_factory=dict)
    """Source → start of its first successful sync."""
    occasions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Playbook → the occasions of its follow-ups that are open, so that it can go on with one."""
    zone: str = "UTC"
    words: Translator = field(default=ENGLISH, repr=False)
    """What is said to people, in the workspace's language."""

    @property
    def label(self) -> str:
        """The account's name, else its id."""
        return self.name or self.id

    @property
    def today(self) -> date:
        """The day of `now` in the reporting zone."""
        return get_local_day(get_plain(self.now), self.zone)

    @property
    def pays(self) -> bool:
        """Whether the account has any MRR."""
        return any(self.mrr.values())

    @property
    def monthly(self) -> float:
        """What it pays per month in currency units, currencies at par."""
        return float(sum(to_major_units(amount, code) for code, amount in self.mrr.items()))

    @property
    def at_risk(self) -> float:
        """Money at risk in currency units.

        It orders follow-ups and the daily cap.
        """
        risk = assess_risk(self.score, self.churn_probability, leaving=self.is_leaving)
        return calculate_money_at_risk(self.mrr, risk, sum_owed(self.invoices))

    @property
    def at_stake(self) -> float:
        """Money at risk by health alone, in currency units.

        Thresholds are compared with it.
        """
        risk = assess_risk(self.score)
        return calculate_money_at_risk(self.mrr, risk, sum_owed(self.invoices))

    @property
    def unused_since(self) -> date | None:
        """The last day of use, else the day of purchase.

        None if unknown.
        """
        return self.usage.last_day if self.usage else self.never_used_since

    @property
    def unused_days(self) -> int | None:
        """Whole days without use, up to the last day with usage data."""
        if self.unused_since is None:
            return None
        return self.count_unused_days(self.unused_since)

    def count_unused_days(self, since: date) -> int:
        """Count whole days since one, up to the last with usage data."""
        until = min(self.today, self.usage_until or self.today)
        return watch_days(max((until - since).days, 0), self.now)
