"""What a report is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class RunLine:
    """The run that the report belongs to; `status` is ok, partial or failed."""

    run: str
    status: str
    started_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BandCount:
    """How many accounts are in a band now, and their MRR in minor units by currency."""

    band: str
    accounts: int
    mrr: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BandDay:
    """How many accounts were in a band on a day."""

    day: date
    band: str
    accounts: int


@dataclass(frozen=True, slots=True)
class Watched:
    """An account to look after: its MRR in minor units by currency, and why.

    `score` and `change_30d` are points of 0 to 100, None where unknown. `link` leads to the
    account in the CRM; anything but http and https is not made a link.
    """

    account: str
    name: str
    mrr: Mapping[str, int]
    score: float | None
    band: str
    change_30d: float | None = None
    reasons: Sequence[str] = ()
    next_action: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How a stream went, and until when its data is complete (None: never read)."""

    source: str
    stream: str
    status: str
    fresh_until: datetime | None
    records: int = 0
    rejected: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A topic of what customers wrote: how many comments of how many accounts, and some of them.

    `mean_score` is on a scale of 0 to 10; `mrr` is what the accounts pay, in minor units of
    `currency`. None where unknown.
    """

    topic: str
    comments: int
    accounts: int
    quotes: Sequence[str] = ()
    mean_score: float | None = None
    mrr: int | None = None
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Tie:
    """How much of the MRR at the end of a month its invoices bear out; minor units of `currency`.

    `unexplained` is the sum of the differences that no fact explains; `left_out` is MRR of sources
    without invoices, which is not in `mrr`.
    """

    currency: str
    month: date
    tied: int
    mrr: int
    unexplained: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Unattributed:
    """Records of a kind that belong to no account, of how many; money in minor units.

    `records` are the newest of them, by the source's ids.
    """

    kind: str
    unattributed: int
    total: int
    currency: str | None = None
    records: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything that `render` shows; what is left out is said to be missing, not left blank.

    kpis          rows as `cs-sync metrics --format json` prints them: the newest period of each
                  metric is shown, the period before it gives the change; rows of segments are not
    mrr           rows as `cs-sync mrr --format json` prints them; rows per account are added up
    bands         now, worst band first, in the order of the configuration
    band_history  the same bands on earlier days, if known
    writes        counts by outcome (create, update, unchanged, rejected, unknown)
    said          topics of the last year's comments, the most frequent first; without any, the
                  section is left out
    ties          how much of the MRR of each currency ties to invoices
    unattributed  what belongs to no account, by kind; shown also where it is nothing
    notes         sentences that the reader must know, each shown at the top
    """

    workspace: str
    generated_at: datetime
    as_of: date
    timezone: ZoneInfo = UTC
    run: RunLine | None = None
    kpis: Sequence[Row] = ()
    mrr: Sequence[Row] = ()
    bands: Sequence[BandCount] = ()
    band_history: Sequence[BandDay] = ()
    watch_list: Sequence[Watched] = ()
    destination: str = "the CRM"
    writes: Mapping[str, int] = field(default_factory=dict)
    streams: Sequence[Freshness] = ()
    said: Sequence[Said] = ()
    ties: Sequence[Tie] = ()
    unattributed: Sequence[Unattributed] = ()
    notes: Sequence[str] = ()
