"""The challenger: gradient boosting, promoted only where it beats the hazard for certain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cs_sync.foresight.inputs import Input
from cs_sync.foresight.judgement import Predictions, compare_errors
from cs_sync.foresight.panel import Flags, Floats, Fold, Ints, Panel
from cs_sync.foresight.trees import LEAF, Tree, TreeModel

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

LEAST_CHURNED = 500
"""Accounts that left before a challenger is tried."""
_RATE = 0.1
_HIGHEST = float(np.finfo(np.float64).max)
"""Stands for a threshold without bound, which JSON cannot say."""


def predict_boosted(panel: Panel, fold: Fold, event: Flags, inputs: Sequence[Input]) -> Floats:
    """Predict a cutoff by gradient-boosted trees."""
    known = list_known(panel, fold.learnt, inputs)
    if not known:
        return np.full(len(fold.judged), event.mean())
    boosted = _boost(panel, fold.learnt, event, known)
    probability: Floats = boosted.predict_proba(_stack(panel, fold.judged, known))[:, 1]
    return probability


def fit_trees(panel: Panel, rows: Ints, event: Flags, inputs: Sequence[Input]) -> TreeModel:
    """Fit gradient-boosted trees and keep their numbers alone.

    Args:
        panel: The observations.
        rows: Those to learn from.
        event: Of each of them, whether the event came.
        inputs: The inputs, at least one of them known.
    """
    known = list_known(panel, rows, inputs)
    return convert_trees(_boost(panel, rows, event, known), [item.name for item in known])


def convert_trees(boosted: "HistGradientBoostingClassifier", inputs: Sequence[str]) -> TreeModel:
    """Convert what scikit-learn fitted; it keeps trees under private names only."""
    trees = []
    for [predictor] in boosted._predictors:
        nodes = predictor.nodes
        leaf = nodes["is_leaf"].astype(bool)
        trees.append(
            Tree(
                asked=tuple(np.where(leaf, LEAF, nodes["feature_idx"]).tolist()),
                threshold=tuple(np.minimum(nodes["num_threshold"], _HIGHEST).tolist()),
                unknown_left=tuple(nodes["missing_go_to_left"].astype(bool).tolist()),
                left=tuple(nodes["left"].tolist()),
                right=tuple(nodes["right"].tolist()),
                # leaves have the learning rate in them, the other nodes have not
                value=tuple(np.where(leaf, nodes["value"], _RATE * nodes["value"]).tolist()),
            )
        )
    base = float(boosted._baseline_prediction.item())
    return TreeModel(base + sum(tree.value[0] for tree in trees), tuple(inputs), tuple(trees))


def list_known(panel: Panel, rows: Ints, inputs: Sequence[Input]) -> list[Input]:
    """List the inputs with a known value in some rows.

    Trees take no column without any.
    """
    return [item for item in inputs if not np.isnan(panel.values[item.name][rows]).all()]


def is_promoted(challenger: Predictions, model: Predictions) -> bool:
    """Return whether the challenger's error is less by more than its interval."""
    event = model.event.astype(np.float64)
    errors = [(predictions.probability - event) ** 2 for predictions in (challenger, model)]
    account = np.unique(model.account, return_inverse=True)[1]
    interval = compare_errors(errors[0], errors[1], account)
    return interval is not None and interval[1] < 0


def _boost(
    panel: Panel, rows: Ints, event: Flags, inputs: Sequence[Input]
) -> "HistGradientBoostingClassifier":
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    trees = HistGradientBoostingClassifier(
        learning_rate=_RATE, max_iter=60, max_leaf_nodes=15, min_samples_leaf=50, random_state=1
    )
    with threadpool_limits(limits=1):  # threads that wait for busy cores cost more than they give
        return trees.fit(_stack(panel, rows, inputs), event)


def _stack(panel: Panel, rows: Ints, inputs: Sequence[Input]) -> Floats:
    return np.column_stack([panel.select_values(item, rows) for item in inputs])
