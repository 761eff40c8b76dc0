"""A small world to report on, with numbers that can be checked by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from cs_sync.i18n import ENGLISH
from cs_sync.metrics.periods import add_months
from cs_sync.report import (
    AccountDetails,
    AgendaItem,
    AnswerLine,
    BacktestResult,
    CommentTopic,
    ExpectedChurn,
    HistoryPoint,
    InvoiceTie,
    MonthPart,
    MonthSoFar,
    Notices,
    ReportData,
    ReportedAccount,
    ReportedRun,
    StreamFreshness,
    TaskLine,
    TicketLine,
    UnattributedRecords,
    UsedRate,
    UseLine,
    build_cells,
    render_report,
    select_counted,
)
from cs_sync.report.formats import Formats
from tests.report.page_parser import Page

HOSTILE = "<script>alert('x')</script>\"&'</style><img src=https://evil.test/p.png>"
AT = datetime(2026, 11, 21, 4, 15, tzinfo=UTC)
TODAY = date(2026, 11, 20)
MONTHS = [add_months(date(2026, 11, 1), -n).replace(day=28) for n in range(12, 0, -1)]
"""Not quite the ends of the months, which these tests need not know."""


ENGLISH_FORMATS = Formats(ENGLISH, ZoneInfo("Europe/Warsaw"), "EUR")


@pytest.fixture(scope="session")
def formats() -> Formats:
    return ENGLISH_FORMATS


@pytest.fixture(scope="session")
def kpi() -> Callable[..., dict[str, Any]]:
    """Rows as the `metrics` command prints them."""

    def row(metric: str, month: int, value: float | None, **fields: Any) -> dict[str, Any]:
        return {
            "metric": metric,
            "period_start": f"2026-{month:02}-01",
            "period_end": f"2026-{month + 1:02}-01",
            "segment": {},
            "currency": None,
            "value": value,
            "unit": "ratio",
            "numerator": None,
            "denominator": None,
            "n": None,
            "low": None,
            "high": None,
            "policy": "default",
            "status": "final",
            "stale_since": None,
            **fields,
        }

    return row


@pytest.fixture(scope="session")
def step() -> Callable[..., dict[str, Any]]:
    """Rows as the `mrr` command prints them."""

    def row(month: int, opening: int, closing: int, **fields: Any) -> dict[str, Any]:
        moves = ("new", "reactivation", "expansion", "contraction", "churn")
        return {
            "account": None,
            "currency": "EUR",
            "period_start": f"2026-{month:02}-01",
            "period_end": f"2026-{month + 1:02}-01",
            "opening": opening,
            "closing": closing,
            **dict.fromkeys((*moves, "fx", "reclass", "restatement"), 0),
            **fields,
        }

    return row


def point(mrr: int, score: float | None = 90.0, band: str = "green", risk: Any = None) -> Any:
    """A customer's point; one that pays nothing is not paying."""
    return HistoryPoint(mrr, mrr > 0, score, band, risk, {"usage": 4.0})


def account(name: str, now: Any, **fields: Any) -> ReportedAccount:
    """A customer that was always as it is now, unless the fields say otherwise."""
    mrr = fields.pop("mrr", {"EUR": now.mrr} if now.mrr else {})
    before, past = fields.pop("before", now), fields.pop("past", [now] * 12)
    names = {*AccountDetails.__struct_fields__} & fields.keys()
    details = AccountDetails(**{name: fields.pop(name) for name in sorted(names)})
    cells = build_cells(details, ENGLISH_FORMATS)
    return ReportedAccount(
        name,
        name,
        now,
        before,
        past,
        mrr=mrr,
        counted=select_counted(details),
        read_cells=lambda: cells,
        **fields,
    )


def subject(name: str, verdict: str = "signal", **fields: Any) -> dict[str, Any]:
    """A row as the `backtest` command prints it."""
    return {
        "subject": name, "cutoffs": 12, "accounts": 250, "churned": 60, "verdict": verdict,
        "needed_churned": None, "auc": 0.634, "auc_low": 0.58, "auc_high": 0.68,
        "brier_skill": 0.034, "skill_low": 0.012, "skill_high": 0.05, "slope": 1.1,
        "lift_top_decile": 3.11, **fields,
    }  # fmt: skip


def outcome(band: str, accounts: int, churned: int, mrr: int, lost: int) -> dict[str, Any]:
    """A row as `backtest --bands` prints it for all months."""
    return {
        "cutoff": None, "band": band, "accounts": accounts, "churned": churned,
        "rate": churned / accounts, "low": 0.25, "high": 0.95, "mrr": mrr, "mrr_churned": lost,
        "currency": "EUR", "mrr_low": None, "mrr_high": None,
    }  # fmt: skip


def backtest(*subjects: dict[str, Any], **fields: Any) -> BacktestResult:
    """A backtest of July with lead 14 and horizon 90: 4 were red, 3 of them left."""
    bands = [outcome("red", 4, 3, 40_000, 30_000), outcome("green", 96, 9, 900_000, 90_000)]
    rows = subjects or (subject("score"), subject("model"), subject("base_rate", "no signal"))
    return BacktestResult(TODAY, date(2026, 7, 31), 90, 14, rows, bands, **fields)


@pytest.fixture(scope="session")
def hostile(kpi: Callable[..., Any], step: Callable[..., Any]) -> ReportData:
    """Everything filled, and every text an attack."""
    tasks = [
        TaskLine("acc_1", HOSTILE, AT.replace(day=18), "high", HOSTILE, "javascript:alert(1)"),
        TaskLine("acc_1", "Later", AT.replace(day=30), "low", "", "https://crm.test/c/2?a=1&b=2"),
    ]
    attacked = account(
        "acc_1",
        point(12_345, 17.4, "red", "red"),
        before=point(12_345),
        mrr={"EUR": 12_345},
        owner=HOSTILE,
        plan=HOSTILE,
        segment=HOSTILE,
        change_30d=-72.6,
        churn_probability=0.26,
        chance="1 in 4 leaves within 90 days from 25 Mar 2026",
        first_paid=date(2026, 2, 3),
        past=[HistoryPoint()] * 3 + [point(10_000)] * 9,
        reasons=[(HOSTILE, 40.0), ("No NPS answer", None), ("More use", -5.0)],
        tickets=[TicketLine(TODAY, HOSTILE, HOSTILE, True, "javascript:alert(1)")],
        answers=[AnswerLine(TODAY, "nps", 3, 10, HOSTILE, HOSTILE)],
        use=UseLine(2, 13, TODAY, 1, 12),
        features={HOSTILE: 2, "api": 0},
        tasks=tasks,
        links=[(HOSTILE, "https://evil.test"), ("stripe", "javascript:alert(1)")],
    )
    others = [
        account(f"acc_{n}", point(10_000 * n), owner="Kim", plan="Team", first_paid=TODAY)
        for n in range(2, 10)
    ]
    quiet = account("acc_grey", point(0, None, "insufficient"), past=[HistoryPoint()] * 12)
    part = MonthPart(date(2026, 11, 1), date(2026, 11, 21), {"new": 5_000, "churn": -2_500})
    return ReportData(
        workspace=HOSTILE,
        generated_at=AT,
        as_of=TODAY,
        timezone=ZoneInfo("Europe/Warsaw"),
        rates=[UsedRate("JPY", 0.0061, date(2026, 11, 1))],
        unconverted={"KWD": 1_234},
        run=ReportedRun(HOSTILE, "partial", AT),
        months=MONTHS,
        inputs={"usage": HOSTILE, "billing": "Billing"},
        segment_name=HOSTILE,
        accounts=[replace(attacked, name=HOSTILE), *others, quiet],
        agenda=[
            AgendaItem(date(2026, 12, 2), "leaving", "acc_1", 12_345, "EUR", 12_345),
            AgendaItem(date(2026, 12, 24), "renewal", "acc_2", 20_000, "EUR", 20_000),
            AgendaItem(date(2026, 11, 2), "unpaid", "acc_3", 9_000, "JPY", 549),
        ],
        month=MonthSoFar(part, part, part),
        expected_churn=ExpectedChurn(
            date(2026, 12, 5), date(2027, 3, 4), 9, 82_900, 27_800, 151_400, 11, 12
        ),
        backtest=backtest(outdated=True),
        kpis=[
            kpi("nrr", 9, 1.02, n=120),
            kpi("nrr", 10, 1.05, n=125, low=1.01, high=1.09),
            kpi("nps", 10, 40.0, unit="score"),
            kpi("open_tickets", 10, 4.0, unit="count"),
            kpi("mau", 10, 70.0, unit="count"),
            kpi(HOSTILE, 10, 3, unit="count"),
        ],
        mrr=[
            step(9, 100_000, 130_000, new=50_000, churn=20_000),
            step(10, 130_000, 120_000, expansion=5_000, contraction=15_000),
            step(10, 9_000, 9_000, currency="JPY"),
        ],
        mrr_converted=[step(10, 130_055, 120_055, expansion=5_000, contraction=15_000)],
        destination=HOSTILE,
        writes={"create": 2, "update": 1234, "unchanged": 5, "rejected": 1, "unknown": 3},
        streams=[
            StreamFreshness("stripe", "invoices", "ok", AT, 8123, 2),
            StreamFreshness("posthog", HOSTILE, "failed", None, error=HOSTILE),
        ],
        topics=[CommentTopic(HOSTILE, 12, 3, [HOSTILE], 4.25, 40_000)],
        ties=[InvoiceTie("EUR", date(2026, 10, 1), 118_440, 120_000, 1_200, 5_000)],
        unattributed=[
            UnattributedRecords("money", 0, 2_000_000, "EUR"),
            UnattributedRecords("tickets", 12, 300, records=[HOSTILE, "zendesk 11"]),
        ],
        notices=Notices(
            4, 1, 2, {"posthog": 92}, ["No usage data."], [HOSTILE, "Run `cs-sync check`."]
        ),
    )


def plain(text: str) -> str:
    """Return a text with ordinary spaces."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def report(*accounts: ReportedAccount, **fields: Any) -> ReportData:
    """Return a report on nothing but these accounts."""
    return ReportData("Acme", AT, TODAY, months=MONTHS, accounts=accounts, **fields)


@pytest.fixture(scope="module")
def html(hostile: ReportData) -> str:
    return render_report(hostile)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture
def empty() -> ReportData:
    return ReportData("Acme", AT, TODAY)
