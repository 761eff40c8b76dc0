"""The judged subjects: what the score, the model and their rivals come to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, replace

from cs_sync.foresight import challenger
from cs_sync.foresight.challenger import is_promoted
from cs_sync.foresight.gate import LEAST_CHURNED, PLANNED_CHURNED, Ruling, rule_on
from cs_sync.foresight.judgement import Judgement, judge_predictions
from cs_sync.foresight.panel import Panel
from cs_sync.foresight.walk_forward import SUBJECTS, Course, Subject, walk_forward


class JudgedSubject(Struct, frozen=True):
    """One subject's judgement for one target; no judgement where no cutoff could be judged."""

    subject: Subject
    course: Course
    cutoffs: int
    judgement: Judgement | None
    churned: int
    ruling: Ruling
    promoted: bool = False
    """Whether the challenger beats the model."""

    def build_row(self, lead_days: int) -> dict[str, Any]:
        """Build the row of `cs-sync backtest`."""
        judged, course = self.judgement, self.course
        auc = judged.auc_interval if judged else None
        within = judged.auc_within_interval if judged else None
        skill = judged.skill_interval if judged else None
        return {
            "subject": self.subject,
            "target": course.target,
            "horizon_days": course.days - lead_days,
            "cutoffs": self.cutoffs,
            "accounts": judged.accounts if judged else 0,
            "observations": judged.observations if judged else 0,
            "churned": self.churned,
            "auc": judged and judged.auc,
            "auc_low": auc and auc[0],
            "auc_high": auc and auc[1],
            "auc_within": judged and judged.auc_within,
            "auc_within_low": within and within[0],
            "auc_within_high": within and within[1],
            "brier": judged and judged.brier,
            "brier_skill": judged and judged.skill,
            "skill_low": skill and skill[0],
            "skill_high": skill and skill[1],
            "log_loss": judged and judged.log_loss,
            "lift_top_decile": judged and judged.lift_top_decile,
            "lift_capacity": judged and judged.lift_capacity,
            "precision_red": judged and judged.precision_red,
            "recall_red": judged and judged.recall_red,
            "slope": judged and judged.slope,
            "verdict": self.ruling.verdict,
            "needed_churned": self.ruling.needed_churned,
            "bins": [asdict(calibration) for calibration in (judged.bins if judged else ())],
            "promoted": self.promoted,
        }


def judge_subjects(
    panel: Panel, course: Course, capacity: int, subjects: Sequence[Subject] = SUBJECTS
) -> list[JudgedSubject]:
    """Judge subjects walk-forward; with enough events also the model's challenger.

    Args:
        panel: The observations.
        course: The target and how to walk.
        capacity: The accounts the team can call at each cutoff.
        subjects: What to judge.
    """
    seen = panel.count_accounts(np.flatnonzero(panel.flag(course.target)))
    wanted = list(subjects)
    if "model" in wanted and seen >= challenger.LEAST_CHURNED:
        wanted.append("challenger")
    predicted = walk_forward(panel, course, wanted)
    if not predicted:
        missing = PLANNED_CHURNED - seen if seen < LEAST_CHURNED else None
        ruling = Ruling("too little data", missing)  # else they left too late to learn from
        return [JudgedSubject(subject, course, 0, None, seen, ruling) for subject in subjects]
    judged = []
    for subject, predictions in predicted.items():
        judgement = judge_predictions(predictions, capacity)
        cutoffs = len(np.unique(predictions.cutoff))
        ruling = rule_on(judgement)
        if subject == "base_rate" and ruling.verdict == "no signal":
            ruling = replace(ruling, needed_churned=None)  # it is the yardstick itself
        judged.append(JudgedSubject(subject, course, cutoffs, judgement, judgement.churned, ruling))
    if "challenger" in predicted:
        promoted = is_promoted(predicted["challenger"], predicted["model"])
        judged[-1] = replace(judged[-1], promoted=promoted)
    return judged
