"""Report of a run: one self-contained HTML file."""

from cs_sync.report.data import (
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
    RiskKind,
    StreamFreshness,
    TaskLine,
    TicketLine,
    UnattributedRecords,
    UsedRate,
    UseLine,
)
from cs_sync.report.page import render_report
from cs_sync.report.payload import extract_text
from cs_sync.report.risk import classify_risk
from cs_sync.report.summary import REPORT_FIELDS, ReportSummary, build_figures, summarize_report
from cs_sync.report.tiles import TREND_METRICS

__all__ = [
    "REPORT_FIELDS",
    "TREND_METRICS",
    "AccountDetails",
    "AgendaItem",
    "AnswerLine",
    "BacktestResult",
    "CommentTopic",
    "ExpectedChurn",
    "HistoryPoint",
    "InvoiceTie",
    "MonthPart",
    "MonthSoFar",
    "Notices",
    "ReportData",
    "ReportSummary",
    "ReportedAccount",
    "ReportedRun",
    "RiskKind",
    "StreamFreshness",
    "TaskLine",
    "TicketLine",
    "UnattributedRecords",
    "UseLine",
    "UsedRate",
    "build_figures",
    "classify_risk",
    "extract_text",
    "render_report",
    "summarize_report",
]
