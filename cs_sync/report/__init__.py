"""Report of a run: one self-contained HTML file."""

from cs_sync.report.data import (
    BandCount,
    BandCountOnDay,
    CommentTopic,
    InvoiceTie,
    ReportData,
    ReportedRun,
    StreamFreshness,
    UnattributedRecords,
    WatchedAccount,
)
from cs_sync.report.page import render_report

__all__ = [
    "BandCount",
    "BandCountOnDay",
    "CommentTopic",
    "InvoiceTie",
    "ReportData",
    "ReportedRun",
    "StreamFreshness",
    "UnattributedRecords",
    "WatchedAccount",
    "render_report",
]
