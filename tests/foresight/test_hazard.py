"""The hazard against scikit-learn, and its contributions against their sum."""

import math
from datetime import date

import numpy as np
import pytest

from benchmarks.foresight.books import STRONG, Book, simulate
from cs_sync.foresight.hazard import (
    apply_cloglog,
    fit_binary,
    fit_hazard,
    list_unusable,
    predict_hazard,
)
from cs_sync.foresight.inputs import INPUTS, find_input, transform_value
from cs_sync.foresight.model import (
    HazardModel,
    Term,
    list_contribution_changes,
    to_probability,
)
from cs_sync.foresight.observations import Observation
from cs_sync.foresight.panel import transform_values
from cs_sync.foresight.stored_models import dump_model, load_model
from tests.foresight.panels import build_panel

PANEL = simulate(Book(120, STRONG, months=12), 7)
ROWS = np.arange(PANEL.size)
EVENT = PANEL.flag("churn")


@pytest.mark.slow("imports scikit-learn, which takes longer than all else here")
def test_the_fit_is_that_of_scikit_learn() -> None:
    """Imputer with indicator, scaler and L2 logistic regression with C = 1 ÷ penalty."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.column_stack([PANEL.select_values(item, ROWS) for item in INPUTS])
    pipeline = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
        LogisticRegression(C=1 / 10, tol=1e-10, max_iter=1000),
    )
    theirs = pipeline.fit(x, EVENT).predict_proba(x)[:, 1]
    model = fit_hazard(PANEL, ROWS, EVENT, INPUTS, penalty=10)
    assert predict_hazard(model, PANEL, ROWS, INPUTS) == pytest.approx(theirs, abs=1e-6)


def test_contributions_sum_to_the_score_and_their_change_to_the_change() -> None:
    model = fit_hazard(PANEL, ROWS, EVENT, INPUTS)
    values = [
        {name: None if np.isnan(column[row]) else float(column[row])
         for name, column in PANEL.values.items()}
        for row in range(60)
    ]  # fmt: skip
    predicted = predict_hazard(model, PANEL, ROWS[:60], INPUTS)
    for now, before, probability in zip(values, values[1:], predicted, strict=False):
        log_odds = model.calculate_log_odds(now)
        parts = model.list_contributions(now)
        assert abs(model.intercept + sum(parts.values()) - log_odds) < 1e-9
        change = sum(list_contribution_changes(model, before, now).values())
        assert abs(change - (log_odds - model.calculate_log_odds(before))) < 1e-9
        assert model.calculate_probability(now) == pytest.approx(probability, abs=1e-9)


def test_a_stored_model_is_the_same_model() -> None:
    model = fit_hazard(PANEL, ROWS, EVENT, INPUTS)
    assert load_model(dump_model(model)) == model


def test_what_is_unknown_counts_as_the_median_and_for_being_unknown() -> None:
    """Median 3, mean 5, weight 2: 2 × (3 − 5) + 1.5 × (1 − 0.2) = −2.8."""
    model = HazardModel(-1.0, (Term("nps", 3.0, 5.0, 2.0, 0.2, 1.5),))
    assert model.list_contributions({"nps": None}) == {"nps": pytest.approx(-2.8)}
    assert model.list_contributions({}) == model.list_contributions({"nps": None})
    assert model.calculate_log_odds({"nps": 6.0}) == pytest.approx(-1.0 + 2.0 - 0.3)


@pytest.mark.parametrize(
    ("name", "value", "scaled"),
    [
        ("days_since_use", 0.0, 0.0),
        ("days_since_use", 9_999.0, math.log(366)),
        ("usage_trend_28", 0.5, -1.0),
        ("usage_trend_28", 0.0, -3.0),
        ("mrr_change_90", 64.0, 3.0),
        ("nps", 7.0, 7.0),
        ("nps", None, None),
    ],
)
def test_inputs_are_limited_and_scaled(
    name: str, value: float | None, scaled: float | None
) -> None:
    item = find_input(name)
    assert transform_value(item, value) == (None if scaled is None else pytest.approx(scaled))
    if value is not None:
        assert transform_values(item, np.array([value])) == pytest.approx([scaled])


def test_inputs_that_say_nothing_are_left_out_and_named() -> None:
    months = [
        [
            Observation(f"a{n}", date(2026, 1, 31), "voluntary" if n % 3 else "stayed", 100, "EUR",
                        {"nps": None, "tickets_30": 1.0, "tenure_months": float(n)})
            for n in range(9)
        ]
    ]  # fmt: skip
    panel = build_panel(months)
    rows = np.arange(panel.size)
    items = [find_input(name) for name in ("nps", "tickets_30", "tenure_months")]
    assert list_unusable(panel, rows, items) == {"nps": "all missing", "tickets_30": "constant"}
    model = fit_hazard(panel, rows, panel.flag("churn"), items)
    assert [term.input for term in model.terms] == ["tenure_months"]


def test_classes_that_are_parted_without_error_stay_finite() -> None:
    x = np.linspace(-1, 1, 40)[:, None]
    fitted = fit_binary(x, x[:, 0] > 0)
    assert np.isfinite(fitted.coefficients).all()


def test_a_rate_without_inputs_is_met_by_both_links() -> None:
    event = np.arange(50) < 10
    for link in ({}, {"link": apply_cloglog}):
        fitted = fit_binary(np.empty((50, 0)), event, **link)  # type: ignore[arg-type]
        rate = to_probability(fitted.intercept) if not link else -math.expm1(
            -math.exp(fitted.intercept)
        )  # fmt: skip
        assert rate == pytest.approx(0.2, abs=1e-9)


def test_probabilities_of_any_log_odds() -> None:
    assert to_probability(0) == 0.5
    assert to_probability(1e6) == 1.0
    assert to_probability(-1e6) == pytest.approx(0.0)
