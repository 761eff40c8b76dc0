"""Input data of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """The run of the report; `status` is ok, partial or failed."""

    run: str
    status: str
    started_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BandCount:
    """Number of accounts in a band now, and their MRR (currency → minor units)."""

    band: str
    accounts: int
    mrr: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BandCountOnDay:
    """Number of accounts in a band on a day."""

    day: date
    band: str
    accounts: int


@dataclass(frozen=True, slots=True)
class WatchedAccount:
    """An account of the watch list: its MRR (currency → minor units), score and reasons.

    `score` and `change_30d` are points of 0 to 100, None where unknown. `link` leads to the
    account in the CRM; only http and https links are rendered.
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
class StreamFreshness:
    """The status of a stream, and the end of its complete data (None: never read)."""

    source: str
    stream: str
    status: str
    fresh_until: datetime | None
    records: int = 0
    rejected: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class CommentTopic:
    """A topic of customer comments: the number of comments and accounts, and some quotes.

    `mean_score` is on a scale of 0 to 10; `mrr` is the accounts' MRR in minor units of
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
class InvoiceTie:
    """The part of a month-end MRR confirmed by invoices, in minor units of `currency`.

    `unexplained` is the sum of the differences without an explanation; `left_out` is MRR of
    sources without invoices, not included in `mrr`.
    """

    currency: str
    month: date
    tied: int
    mrr: int
    unexplained: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class UnattributedRecords:
    """Records of a kind without an account, and their total number; money in minor units.

    `records` are the newest of them, by the source's ids.
    """

    kind: str
    unattributed: int
    total: int
    currency: str | None = None
    records: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything shown by the report; a missing part is named as missing, not left blank.

    kpis          rows of `cs-sync metrics --format json`: the newest period of each metric is
                  shown, the period before it gives the change; segment rows are skipped
    mrr           rows of `cs-sync mrr --format json`; rows per account are added up
    bands         now, worst band first, in the order of the configuration
    band_history  the same bands on earlier days, if known
    writes        counts by outcome (create, update, unchanged, rejected, unknown)
    said          topics of the last year's comments, most frequent first; without any, the
                  section is omitted
    ties          the part of each currency's MRR confirmed by invoices
    unattributed  records without an account, by kind; shown even if there are none
    notes         messages for the reader, each shown at the top
    """

    workspace: str
    generated_at: datetime
    as_of: date
    timezone: ZoneInfo = UTC
    run: ReportedRun | None = None
    kpis: Sequence[Row] = ()
    mrr: Sequence[Row] = ()
    bands: Sequence[BandCount] = ()
    band_history: Sequence[BandCountOnDay] = ()
    watch_list: Sequence[WatchedAccount] = ()
    destination: str = "the CRM"
    writes: Mapping[str, int] = field(default_factory=dict)
    streams: Sequence[StreamFreshness] = ()
    topics: Sequence[CommentTopic] = ()
    ties: Sequence[InvoiceTie] = ()
    unattributed: Sequence[UnattributedRecords] = ()
    notes: Sequence[str] = ()
