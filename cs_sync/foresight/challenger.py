"""The challenger: gradient boosting, promoted only where it beats the hazard for certain."""

from collections.abc import Sequence

import numpy as np

from cs_sync.foresight.inputs import Input
from cs_sync.foresight.judgement import Predictions, compare_errors
from cs_sync.foresight.panel import Flags, Floats, Fold, Panel

LEAST_CHURNED = 500
"""Accounts that left before a challenger is tried."""


def predict_boosted(panel: Panel, fold: Fold, event: Flags, inputs: Sequence[Input]) -> Floats:
    """Predict a cutoff by gradient-boosted trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    if not inputs:
        return np.full(len(fold.judged), event.mean())
    learnt, judged = (
        np.column_stack([panel.select_values(item, rows) for item in inputs])
        for rows in (fold.learnt, fold.judged)
    )
    trees = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=60, max_leaf_nodes=15, min_samples_leaf=50, random_state=1
    )
    with threadpool_limits(limits=1):  # threads that wait for busy cores cost more than they give
        probability: Floats = trees.fit(learnt, event).predict_proba(judged)[:, 1]
    return probability


def is_promoted(challenger: Predictions, model: Predictions) -> bool:
    """Return whether the challenger's error is less by more than its interval."""
    event = model.event.astype(np.float64)
    errors = [(one.probability - event) ** 2 for one in (challenger, model)]
    account = np.unique(model.account, return_inverse=True)[1]
    interval = compare_errors(errors[0], errors[1], account)
    return interval is not None and interval[1] < 0
