"""How well an account does, and why we think so: pure."""

from cs_sync.health.change import Change, change_between
from cs_sync.health.evidence import EVIDENCE, gather
from cs_sync.health.facts import AccountEvidence
from cs_sync.health.model import HealthConfig
from cs_sync.health.reasons import Reason, reasons_of
from cs_sync.health.rows import contribution_rows, score_row
from cs_sync.health.scope import SignalScope, end_of
from cs_sync.health.score import INSUFFICIENT, Contribution, Missing, Score, score_account
from cs_sync.health.signals import SIGNALS, Reading, Signal, read_row, signal_of

__all__ = [
    "EVIDENCE",
    "INSUFFICIENT",
    "SIGNALS",
    "AccountEvidence",
    "Change",
    "Contribution",
    "HealthConfig",
    "Missing",
    "Reading",
    "Reason",
    "Score",
    "Signal",
    "SignalScope",
    "change_between",
    "contribution_rows",
    "end_of",
    "gather",
    "read_row",
    "reasons_of",
    "score_account",
    "score_row",
    "signal_of",
]
