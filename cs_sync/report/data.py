"""Input data of a report."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from cs_sync.i18n import ENGLISH, Translator

Row = Mapping[str, Any]
RiskKind = Literal["leaving", "unpaid", "red"]
RISK_KINDS: tuple[RiskKind, ...] = ("leaving", "unpaid", "red")
"""Why the MRR of an account is at risk; the first that holds counts."""
AgendaKind = Literal["leaving", "renewal", "unpaid"]
UTC = ZoneInfo("UTC")


class ReportedRun(Struct, frozen=True):
    """The run of the report; `status` is ok, partial or failed."""

    run: str
    status: str
    started_at: datetime
    ended_at: datetime | None = None


class HistoryPoint(Struct, frozen=True):
    """An account at the end of a day.

    `mrr` is in minor units of the report's currency at today's rate; an account with MRR in
    any currency is `paying`. `score` and `band` are None for an account that was not a customer
    then; `lost` maps each known input of the score to the points that it cost, those of a
    bonus below zero.
    """

    mrr: int = 0
    paying: bool = False
    score: float | None = None
    band: str | None = None
    risk: RiskKind | None = None
    lost: Mapping[str, float] = field(default_factory=dict)


class TicketLine(Struct, frozen=True):
    """A ticket of the last 30 days, or an older open one."""

    day: date
    subject: str
    topic: str
    is_open: bool
    link: str = ""


class AnswerLine(Struct, frozen=True):
    """A person's latest answer to a survey of one kind."""

    day: date
    kind: str
    score: float
    scale_max: float | None
    person: str = ""
    comment: str = ""


class UseLine(Struct, frozen=True):
    """Days of use in the last and the previous 28 days, and the active people."""

    recent_days: int
    earlier_days: int
    last_day: date
    people: int
    seats: float | None = None


class TaskLine(Struct, frozen=True):
    """An open follow-up of an account; `link` leads to the account in the CRM."""

    account: str
    title: str
    due_at: datetime
    priority: str
    assignee: str = ""
    link: str = ""


class AccountDetails(Struct, frozen=True):
    """What is said of an account in its own place alone.

    `reasons` are sentences with the points that each costs (None: unknown). `features` maps a
    feature of the last 90 days to its days of use of the last 28. Links are (label, URL) pairs.
    """

    reasons: Sequence[tuple[str, float | None]] = ()
    tickets: Sequence[TicketLine] = ()
    answers: Sequence[AnswerLine] = ()
    use: UseLine | None = None
    features: Mapping[str, int] = field(default_factory=dict)
    links: Sequence[tuple[str, str]] = ()


class AccountCells(Struct, frozen=True, array_like=True):
    """The details of an account as the page says them: plain JSON, in the report's language.

    reasons   (text, points that it costs; None: unknown)
    use       days of use in the last and the previous 28 days, the last day, people, seats
    tickets   (day, subject, whether it is open, link)
    answers   (day, answer, person, comment)
    links     (name, web address)
    features  (feature, days of use of the last 28)
    """

    reasons: Sequence[Any] = ()
    use: Sequence[Any] | None = None
    tickets: Sequence[Any] = ()
    answers: Sequence[Any] = ()
    links: Sequence[Any] = ()
    features: Sequence[Any] = ()


class CountedDetails(Struct, frozen=True, array_like=True):
    """What is counted of the details of all accounts.

    days      days of use in the last 28; None without any known use
    features  those with any of these days
    topics    (topic, whether it is open) of each ticket
    """

    days: int | None = None
    features: Sequence[str] = ()
    topics: Sequence[Any] = ()


class ReportedAccount(Struct, frozen=True):
    """An account that is a customer, or was one in the last 12 months.

    `past` is aligned with `ReportData.months`; `before` is 30 days ago. `mrr` maps currency
    to minor units. `first_paid` is the day of its first MRR. `churn_probability` is None while
    no model is accepted, and `chance` says it in words. `read_cells` reads what is said of its
    details, of which `counted` is what is counted: those of all accounts at once would take
    several KB each.
    """

    id: str
    name: str
    now: HistoryPoint
    before: HistoryPoint
    past: Sequence[HistoryPoint] = ()
    is_customer: bool = True
    mrr: Mapping[str, int] = field(default_factory=dict)
    owner: str = ""
    plan: str = ""
    segment: str = ""
    change_30d: float | None = None
    churn_probability: float | None = None
    chance: str = ""
    first_paid: date | None = None
    tasks: Sequence[TaskLine] = ()
    counted: CountedDetails = CountedDetails()
    read_cells: Callable[[], AccountCells] = AccountCells


class AgendaItem(Struct, frozen=True):
    """An end, a renewal or an unpaid invoice of an account; `worth` is in the report's currency.

    `amount` is in minor units: of MRR for an end, of the MRR renewed for a renewal, of money
    due for an invoice. `worth` is None without an exchange rate.
    """

    day: date
    kind: AgendaKind
    account: str
    amount: int
    currency: str
    worth: int | None = None


class UsedRate(Struct, frozen=True):
    """An exchange rate of the report: one unit of `currency` in the report's, and its day."""

    currency: str
    rate: float
    day: date


class MonthPart(Struct, frozen=True):
    """The MRR bridge over some days, `[start, end)`, in minor units of the report's currency."""

    start: date
    end: date
    moves: Mapping[str, int] = field(default_factory=dict)
    opening: int = 0
    closing: int = 0


class MonthSoFar(Struct, frozen=True):
    """This month up to today, the same days of last month, and the whole of last month."""

    now: MonthPart
    same_days: MonthPart
    whole: MonthPart


class ExpectedChurn(Struct, frozen=True):
    """The MRR expected to be lost to churn in `[first, last]`, with its 90 % interval.

    In minor units of the report's currency, added up over `accounts`. Low and high are None
    where too few horizons are over. The interval would have held in `covered` of `judged`
    past months.
    """

    first: date
    last: date
    accounts: int
    expected: int
    low: int | None = None
    high: int | None = None
    covered: int = 0
    judged: int = 0


class BacktestResult(Struct, frozen=True):
    """What the last kept backtest found of the health score and its rivals.

    `subjects` are rows of `cs-sync backtest` on churn, `bands` those of `--bands` for all month
    ends together, with MRR in `currency`. `outdated`: score or MRR policy changed since.
    """

    judged_on: date
    data_cut: date
    horizon_days: int
    lead_days: int
    subjects: Sequence[Row]
    bands: Sequence[Row] = ()
    outdated: bool = False

    def find_subject(self, name: str) -> Row:
        """Return the row of a subject, which is always judged."""
        return next(row for row in self.subjects if row["subject"] == name)


class StreamFreshness(Struct, frozen=True):
    """The status of a stream, and the end of its complete data (None: never read)."""

    source: str
    stream: str
    status: str
    fresh_until: datetime | None
    records: int = 0
    rejected: int = 0
    error: str = ""


class CommentTopic(Struct, frozen=True):
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


class InvoiceTie(Struct, frozen=True):
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


class UnattributedRecords(Struct, frozen=True):
    """Records of a kind without an account, and their total number; money in minor units.

    `records` are the newest of them, by the source's ids.
    """

    kind: str
    unattributed: int
    total: int
    currency: str | None = None
    records: Sequence[str] = ()


class Notices(Struct, frozen=True):
    """What readers should know about the data, as counts; a section's end says it in words.

    deferred       follow-ups that wait because their person has enough for today
    unassigned     follow-ups of accounts without an owner
    ambiguous      records that could belong to several accounts
    incomplete     source → number of latest days that may still be incomplete
    model          sentences on what the score leaves out
    messages       what else the run reported, for the engineer, in English
    """

    deferred: int = 0
    unassigned: int = 0
    ambiguous: int = 0
    incomplete: Mapping[str, int] = field(default_factory=dict)
    model: Sequence[str] = ()
    messages: Sequence[str] = ()


class ReportData(Struct, frozen=True):
    """Everything shown by the report; a missing part is named as missing, not left blank.

    currency      of all converted money
    rates         the exchange rates of today; `unconverted` is MRR (currency → minor units)
                  without one, which no converted sum includes
    months        the last days of the months that `ReportedAccount.past` describes
    bands         the bands, worst first, in the order of the configuration
    inputs        input of the score → its title
    accounts      customers, and accounts that were customers in `months`
    agenda        ends, renewals and unpaid invoices of the next 90 days
    expected_churn  None while no model is accepted
    backtest      None before the first one that was kept
    kpis          rows of `cs-sync metrics --format json`: the newest period of each metric is
                  shown, the period before it gives the change, older ones the line; segment
                  rows are skipped
    mrr           rows of `cs-sync mrr --format json`; `mrr_converted` are those of
                  `--currency`; rows per account are added up
    writes        counts by outcome (create, update, unchanged, rejected, unknown)
    topics        topics of the last year's comments, most frequent first; without any, the
                  section is omitted
    ties          the part of each currency's MRR confirmed by invoices
    unattributed  records without an account, by kind; shown even if there are none
    """

    workspace: str
    generated_at: datetime
    as_of: date
    words: Translator = ENGLISH
    timezone: ZoneInfo = UTC
    currency: str = "EUR"
    rates: Sequence[UsedRate] = ()
    unconverted: Mapping[str, int] = field(default_factory=dict)
    run: ReportedRun | None = None
    months: Sequence[date] = ()
    bands: Sequence[str] = ("red", "yellow", "green", "excellent")
    inputs: Mapping[str, str] = field(default_factory=dict)
    segment_name: str = ""
    accounts: Sequence[ReportedAccount] = ()
    agenda: Sequence[AgendaItem] = ()
    month: MonthSoFar | None = None
    expected_churn: ExpectedChurn | None = None
    backtest: BacktestResult | None = None
    kpis: Sequence[Row] = ()
    mrr: Sequence[Row] = ()
    mrr_converted: Sequence[Row] = ()
    destination: str = ""
    writes: Mapping[str, int] = field(default_factory=dict)
    streams: Sequence[StreamFreshness] = ()
    topics: Sequence[CommentTopic] = ()
    ties: Sequence[InvoiceTie] = ()
    unattributed: Sequence[UnattributedRecords] = ()
    notices: Notices = Notices()
