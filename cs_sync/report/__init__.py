"""Report of a run: one self-contained HTML file."""

from cs_sync.report.data import (
    AgendaItem,
    AnswerLine,
    CommentTopic,
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
from cs_sync.report.summary import ReportSummary, summarize_report
from cs_sync.report.tiles import TREND_METRICS

__all__ = [
    "TREND_METRICS",
    "AgendaItem",
    "AnswerLine",
    "CommentTopic",
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
    "classify_risk",
    "extract_text",
    "render_report",
    "summarize_report",
]
