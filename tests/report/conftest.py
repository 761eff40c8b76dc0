"""A small world to report on, with numbers that can be checked by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cs_sync.report import (
    BandCount,
    BandCountOnDay,
    InvoiceTie,
    ReportData,
    ReportedRun,
    StreamFreshness,
    UnattributedRecords,
    WatchedAccount,
)

HOSTILE = "<script>alert('x')</script>\"&'</style><img src=https://evil.test/p.png>"


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


@pytest.fixture(scope="session")
def hostile(kpi: Callable[..., Any], step: Callable[..., Any]) -> ReportData:
    """Everything filled, and every text an attack."""
    at = datetime(2026, 11, 21, 4, 15, tzinfo=UTC)
    return ReportData(
        workspace=HOSTILE,
        generated_at=at,
        as_of=date(2026, 11, 20),
        timezone=ZoneInfo("Europe/Warsaw"),
        run=ReportedRun(HOSTILE, "partial", at),
        kpis=[
            kpi("nrr", 9, 1.02, n=120),
            kpi("nrr", 10, 1.05, n=125, low=1.01, high=1.09),
            kpi(HOSTILE, 10, 3, unit="count"),
        ],
        mrr=[
            step(9, 100_000, 130_000, new=50_000, churn=20_000),
            step(10, 130_000, 120_000, expansion=5_000, contraction=15_000),
            step(10, 9_000, 9_000, currency="JPY"),
        ],
        bands=[
            BandCount(HOSTILE, 3, {"EUR": 12_345}),
            BandCount("green", 9, {"EUR": 107_655, "JPY": 9_000}),
        ],
        band_history=[
            BandCountOnDay(date(2026, 11, day), band, day)
            for day in (18, 19, 20)
            for band in (HOSTILE, "green")
        ],
        watch_list=[
            WatchedAccount(
                HOSTILE, HOSTILE, {"EUR": 12_345}, 17.4, HOSTILE, -12.6, [HOSTILE], HOSTILE,
                "javascript:alert(1)",
            ),
            WatchedAccount("acc_2", "Globex", {}, None, "green", link="https://crm.test/c/2?a=1&b=2"),
        ],
        destination=HOSTILE,
        ties=[InvoiceTie("EUR", date(2026, 10, 1), 118_440, 120_000, 1_200, 5_000)],
        unattributed=[
            UnattributedRecords("money", 0, 2_000_000, "EUR"),
            UnattributedRecords("tickets", 12, 300, records=[HOSTILE, "zendesk 11"]),
        ],
        writes={"create": 2, "update": 1234, "unchanged": 5, "rejected": 1, "unknown": 3},
        streams=[
            StreamFreshness("stripe", "invoices", "ok", at, 8123, 2),
            StreamFreshness("posthog", HOSTILE, "failed", None, error=HOSTILE),
        ],
        notes=[HOSTILE, "Run `cs-sync check`."],
    )  # fmt: skip
