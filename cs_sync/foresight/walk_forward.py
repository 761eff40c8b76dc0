"""Walk-forward: at each cutoff learn from outcomes known by then, and predict the next."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from cs_sync.foresight.challenger import predict_boosted
from cs_sync.foresight.hazard import fit_hazard, predict_hazard
from cs_sync.foresight.inputs import ALL_INPUTS, REFUSED, SCORE, Input, find_input
from cs_sync.foresight.judgement import Predictions, calculate_auc
from cs_sync.foresight.observations import Target, list_known_cutoffs
from cs_sync.foresight.panel import Flags, Floats, Fold, Ints, Panel

Subject = Literal["score", "model", "base_rate", "days_since_use", "best_signal", "challenger"]
SUBJECTS: tuple[Subject, ...] = ("score", "model", "base_rate", "days_since_use", "best_signal")
"""What is judged always; the challenger only where there is enough to tell it apart."""

LEAST_LEARNT = 10
"""Accounts with the event before anything is learnt from them."""
FEW_CHURNED, FEW_ALL_INPUTS = 100, 5
"""With fewer accounts that left, the model has so many inputs."""


class Course(Struct, frozen=True):
    """A walk-forward: what to predict, and how long until an outcome is known."""

    target: Target
    days: int
    """Lead and horizon together."""
    since: date | None = None
    """The first cutoff to judge; earlier ones are still learnt from."""
    refused: Collection[str] = frozenset(REFUSED)
    """Values that may not be learnt from, as they need hindsight."""


def list_folds(panel: Panel, course: Course) -> Iterator[Fold]:
    """Yield the cutoffs that can be judged, oldest first."""
    event = panel.flag(course.target)
    for code, day in enumerate(panel.days):
        if course.since is not None and day < course.since:
            continue
        known = list_known_cutoffs(panel.days, day, course.days)
        learnt = np.flatnonzero(panel.cutoff < len(known))
        happened = event[learnt]
        if panel.count_accounts(learnt[happened]) >= LEAST_LEARNT and not happened.all():
            yield Fold(learnt, np.flatnonzero(panel.cutoff == code))


def walk_forward(
    panel: Panel, course: Course, subjects: Sequence[Subject] = SUBJECTS
) -> dict[Subject, Predictions]:
    """Predict every cutoff by what was known at it."""
    folds = list(list_folds(panel, course))
    if not folds:
        return {}
    event = panel.flag(course.target)
    rows = np.concatenate([fold.judged for fold in folds])
    base = np.concatenate([np.full(len(fold.judged), event[fold.learnt].mean()) for fold in folds])
    common = Predictions(
        panel.account[rows],
        panel.cutoff[rows],
        event[rows],
        base,
        base,
        panel.flag_band("red")[rows],
    )
    return {
        subject: replace(
            common,
            probability=np.concatenate(
                [_predict_fold(panel, course, fold, subject) for fold in folds]
            ),
        )
        for subject in subjects
    }


def choose_inputs(panel: Panel, churned: int, refused: Collection[str]) -> list[Input]:
    """Choose as many inputs as the events can carry."""
    known = [item for item in ALL_INPUTS if item.name in panel.values and item.name not in refused]
    return known[:FEW_ALL_INPUTS] if churned < FEW_CHURNED else known


def find_best_signal(
    panel: Panel, rows: Ints, event: Flags, refused: Collection[str]
) -> list[Input]:
    """Return the value that parts the events best in some rows."""
    best: tuple[float, list[Input]] = (0.0, [])
    for name in panel.values:
        if name == SCORE or name in refused:
            continue
        values = panel.values[name][rows].astype(np.float64)
        known = ~np.isnan(values)
        auc = calculate_auc(values[known], event[known])
        distance = 0.0 if auc is None else abs(auc - 0.5) * float(known.mean())
        if distance > best[0]:
            best = (distance, [find_input(name)])
    return best[1]


def _predict_fold(panel: Panel, course: Course, fold: Fold, subject: Subject) -> Floats:
    event = panel.flag(course.target)[fold.learnt]
    if subject == "base_rate":
        return np.full(len(fold.judged), event.mean())
    if subject == "challenger":
        return predict_boosted(panel, fold, event, _choose_inputs(panel, course, fold, event))
    if subject == "model":
        inputs = _choose_inputs(panel, course, fold, event)
    elif subject == "best_signal":
        inputs = find_best_signal(panel, fold.learnt, event, course.refused)
    else:
        inputs = [find_input(subject)] if subject in panel.values else []
    model = fit_hazard(panel, fold.learnt, event, inputs)
    return predict_hazard(model, panel, fold.judged, inputs)


def _choose_inputs(panel: Panel, course: Course, fold: Fold, event: Flags) -> list[Input]:
    return choose_inputs(panel, panel.count_accounts(fold.learnt[event]), course.refused)
