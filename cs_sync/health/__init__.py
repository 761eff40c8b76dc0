"""Account health: signals, scores and their reasons; pure."""

from typing import TYPE_CHECKING

from cs_sync_schemas.names import make_name_loader

if TYPE_CHECKING:
    from cs_sync.health.change import ScoreChange, decompose_change
    from cs_sync.health.evidence import EVIDENCE_QUERIES, collect_evidence
    from cs_sync.health.facts import AccountEvidence
    from cs_sync.health.model import HealthConfig
    from cs_sync.health.reasons import (
        LossBook,
        ScoreReason,
        build_reasons,
        calculate_loss,
        measure_loss,
    )
    from cs_sync.health.rows import build_contribution_rows, build_score_row
    from cs_sync.health.scope import SignalScope, build_day_scope
    from cs_sync.health.score import (
        INSUFFICIENT,
        Contribution,
        HealthScore,
        MissingInput,
        ScoreBook,
        score_account,
    )
    from cs_sync.health.signals.registry import (
        SIGNALS,
        Reading,
        Signal,
        get_signal,
        read_row,
        sweeps_use,
    )
    from cs_sync.health.urgent import is_leaving, is_unpaid, list_urgent_reasons

__all__ = [
    "EVIDENCE_QUERIES",
    "INSUFFICIENT",
    "SIGNALS",
    "AccountEvidence",
    "Contribution",
    "HealthConfig",
    "HealthScore",
    "LossBook",
    "MissingInput",
    "Reading",
    "ScoreBook",
    "ScoreChange",
    "ScoreReason",
    "Signal",
    "SignalScope",
    "build_contribution_rows",
    "build_day_scope",
    "build_reasons",
    "build_score_row",
    "calculate_loss",
    "collect_evidence",
    "decompose_change",
    "get_signal",
    "is_leaving",
    "is_unpaid",
    "list_urgent_reasons",
    "measure_loss",
    "read_row",
    "score_account",
    "sweeps_use",
]

if not TYPE_CHECKING:
    __getattr__ = make_name_loader(__name__, {
        "cs_sync.health.change": "ScoreChange decompose_change",
        "cs_sync.health.evidence": "EVIDENCE_QUERIES collect_evidence",
        "cs_sync.health.facts": "AccountEvidence",
        "cs_sync.health.model": "HealthConfig",
        "cs_sync.health.reasons":
            "LossBook ScoreReason build_reasons calculate_loss measure_loss",
        "cs_sync.health.rows": "build_contribution_rows build_score_row",
        "cs_sync.health.scope": "SignalScope build_day_scope",
        "cs_sync.health.score":
            "INSUFFICIENT Contribution HealthScore MissingInput ScoreBook score_account",
        "cs_sync.health.signals.registry": "SIGNALS Reading Signal get_signal read_row sweeps_use",
        "cs_sync.health.urgent": "is_leaving is_unpaid list_urgent_reasons",
    })  # fmt: skip
