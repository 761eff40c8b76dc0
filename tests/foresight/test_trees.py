"""Boosted trees without scikit-learn: equal to it, in parts that sum, stored as numbers."""

import json

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.foresight.books import Book, simulate
from cs_sync.foresight.challenger import convert_trees, fit_trees, predict_boosted
from cs_sync.foresight.inputs import INPUTS, find_input
from cs_sync.foresight.panel import Fold
from cs_sync.foresight.stored_models import dump_model, list_inputs, load_model
from cs_sync.foresight.trees import LEAF, Tree, TreeModel

pytestmark = pytest.mark.slow("fits trees by scikit-learn")

PANEL = simulate(Book(150, 2.0, months=12, shape="threshold"), 3)
ROWS = np.arange(PANEL.size)
MODEL = fit_trees(PANEL, ROWS, PANEL.flag("churn"), INPUTS)
CASES = [
    {name: float(column[row]) for name, column in PANEL.values.items() if not np.isnan(column[row])}
    for row in range(0, PANEL.size, 7)
]


def test_probabilities_are_those_of_scikit_learn() -> None:
    """Also where values are unknown, and where a threshold has no bound."""
    random = np.random.default_rng(0)
    x = random.standard_normal((600, 3))
    x[random.random(x.shape) < 0.2] = np.nan
    y = np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) + np.isnan(x[:, 2]) > 0.2
    boosted = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=7, random_state=1)
    boosted.fit(x, y)
    model = convert_trees(boosted, ["a", "b", "c"])
    assert any(max(tree.threshold) > 1e300 for tree in model.trees)
    ours = [
        model.calculate_probability(
            {name: None if np.isnan(v) else float(v) for name, v in zip("abc", row, strict=True)}
        )
        for row in x
    ]
    assert np.abs(np.array(ours) - boosted.predict_proba(x)[:, 1]).max() < 1e-12


def test_the_parts_sum_and_stored_numbers_give_the_same() -> None:
    stored = json.loads(json.dumps(dump_model(MODEL), allow_nan=False))
    loaded = load_model(stored)
    assert loaded == MODEL
    assert list_inputs(stored) == [item.name for item in INPUTS]
    for values in CASES:
        parts = MODEL.list_contributions(values)
        whole = MODEL.calculate_log_odds(values)
        assert MODEL.intercept + sum(parts.values()) == pytest.approx(whole, abs=1e-9)
        assert loaded.calculate_probability(values) == MODEL.calculate_probability(values)


def test_an_input_that_nobody_knew_yet_is_left_out() -> None:
    """As the NPS in the months before the first survey."""
    unknown = np.full(PANEL.size, np.nan, np.float32)
    panel = replace(PANEL, values={**PANEL.values, "nps": unknown})
    fold = Fold(ROWS[: len(ROWS) // 2], ROWS[len(ROWS) // 2 :])
    event = panel.flag("churn")[fold.learnt]
    predicted = predict_boosted(panel, fold, event, INPUTS)
    assert len(predicted) == len(fold.judged)
    assert "nps" not in fit_trees(panel, ROWS, panel.flag("churn"), INPUTS).inputs
    assert set(predict_boosted(panel, fold, event, [find_input("nps")])) == {event.mean()}


def test_a_tree_by_hand() -> None:
    """The root asks the NPS: to 6 (and unknown) −0.5, above +1.0; base 0.2."""
    tree = Tree((0, LEAF, LEAF), (6.0, 0.0, 0.0), (True, False, False), (1, 0, 0), (2, 0, 0),
                (0.0, -0.5, 1.0))  # fmt: skip
    model = TreeModel(0.2, ("nps",), (tree,))
    assert model.calculate_log_odds({"nps": 6.0}) == pytest.approx(-0.3)
    assert model.calculate_log_odds({"nps": 7.0}) == pytest.approx(1.2)
    assert model.list_contributions({}) == {"nps": -0.5}
