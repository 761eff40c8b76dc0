"""The report of a run: one HTML file that needs nothing but itself."""

from cs_sync.report.data import (
    BandCount,
    BandDay,
    Freshness,
    ReportData,
    RunLine,
    Said,
    Tie,
    Unattributed,
    Watched,
)
from cs_sync.report.page import render

__all__ = [
    "BandCount",
    "BandDay",
    "Freshness",
    "ReportData",
    "RunLine",
    "Said",
    "Tie",
    "Unattributed",
    "Watched",
    "render",
]
