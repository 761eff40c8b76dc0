"""Mistakes in `[health]`: each gives one message with the key and the remedy."""

import re
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from cs_sync.health import HealthConfig
from cs_sync.health.score import ModelScorer


def test_defaults_are_the_common_weights() -> None:
    config = HealthConfig()
    assert {name: item.weight for name, item in config.scored_inputs().items()} == {
        "usage": 40, "billing": 30, "support": 20, "nps": 10,
    }  # fmt: skip
    assert {name: item.weight for name, item in config.active().items() if item.bonus} == {
        "growth": 5,
    }  # fmt: skip
    assert config.list_signals() == [
        "active_days_28", "billing_standing", "tickets_30", "nps", "usage_trend_28",
    ]  # fmt: skip
    assert (config.bands.yellow, config.bands.green, config.bands.excellent) == (41, 71, 101)


def test_a_table_changes_its_input_and_leaves_the_others() -> None:
    config = HealthConfig.model_validate({"inputs": {
        "usage": {"weight": 45}, "nps": {"weight": 0},
        "mood": {"weight": 5, "signal": "csat_90", "points": [[0, 0], [1, 100]]},
    }})  # fmt: skip
    assert config.inputs["usage"].points == ((0, 0), (10, 50), (20, 100))
    assert list(config.scored_inputs()) == ["usage", "billing", "support", "mood"]
    assert config.digest() != HealthConfig().digest()
    assert HealthConfig().digest() == HealthConfig.model_validate({}).digest()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inputs": {"usage": {"weight": 30}}}, "weights must total 100, these total 90 (usage 30"),
        ({"inputs": {"usage": {"signal": "logins", "points": [(0, 0)]}}},
         "unknown signal 'logins'; use one of: active_days_28, "),
        ({"inputs": {"usage": {"signal": "open_tickets"}}}, "inputs.usage.points is missing"),
        ({"inputs": {"usage": {"points": [(0, 0), (20, 100), (10, 50)]}}},
         "values must ascend, but 10 follows 20"),
        ({"inputs": {"usage": {"points": [(0, 0), (20, 101)]}}},
         "inputs.usage.points must lie between 0 and 100"),
        ({"inputs": {"usage": {"weight": -5}}}, "inputs.usage.weight is negative"),
        ({"inputs": {"usage": {"points": [(0, "many")]}}}, "inputs.usage.points"),
        ({"inputs": {"usage": 40}}, "inputs.usage"),
        ({"inputs": 3}, "inputs"),
        ({"bands": {"yellow": 71}}, "green = 71 must be above yellow = 71"),
        ({"bands": {"purple": 3}}, "bands.purple"),
        ({"mode": "points"}, "add [health.inputs.NAME] tables"),
        ({"mode": "magic"}, "mode"),
        ({"minimum_coverage": 1.5}, "minimum_coverage"),
        ({"inputs": {"nps": {"points": [(0, 0), (6, 80), (10, 50)]}}},
         "points fall from 80 to 50 as nps grows from 6 to 10, but more of it is better; turn"),
        ({"inputs": {"support": {"signal": "open_tickets", "points": [(0, 0), (3, 100)]}}},
         "points rise from 0 to 100 as open_tickets grows from 0 to 3, but less of it is better"),
        ({"profiles": {"big": {"inputs": {}}}}, "applies to nobody; say to whom with when"),
        ({"profiles": {"big": {"first_days": 90, "inputs": {"usage": {"weight": 50}}}}},
         "profiles.big: weights must total 100, these total 110 (usage 50"),
        ({"profiles": {"big": {"first_days": 90, "inputs": {"usage": {"wait": 50}}}}},
         "profiles.big.inputs.usage.wait: Extra inputs are not permitted"),
        ({"profiles": {"big": {"if": {}}}}, "profiles.big.if"),
    ],
)  # fmt: skip
def test_mistakes(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        HealthConfig.model_validate(given)
    assert message in str(error.value)


NEWCOMERS = {"profiles": {
    "onboarding": {"first_days": 90, "minimum_coverage": 0.2, "inputs": {
        "usage": {"weight": 70}, "billing": {"weight": 0}, "support": {"weight": 30},
        "nps": {"weight": 0}}},
    "enterprise": {"when": {"plan": "enterprise"}, "inputs": {
        "usage": {"weight": 30}, "nps": {"weight": 20}}},
}}  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "age", "weights"),
    [
        ({}, 0, {"usage": 70, "support": 30}),
        ({"plan": "enterprise"}, 89, {"usage": 70, "support": 30}),
        ({"plan": "enterprise"}, 90, {"usage": 30, "billing": 30, "support": 20, "nps": 20}),
        ({"plan": "enterprise"}, None, {"usage": 30, "billing": 30, "support": 20, "nps": 20}),
        ({"plan": "team"}, 90, {"usage": 40, "billing": 30, "support": 20, "nps": 10}),
    ],
)
def test_profiles_by_stage_and_by_segment(
    attributes: dict[str, Any], age: int | None, weights: dict[str, float]
) -> None:
    model = HealthConfig.model_validate(NEWCOMERS).select_model(attributes, age)
    assert {name: item.weight for name, item in model.scored_inputs().items()} == weights


def test_a_profile_is_a_model_of_its_own_and_leaves_the_others_as_they_are() -> None:
    config = HealthConfig.model_validate(NEWCOMERS)
    newcomer = config.select_model({}, 1)
    assert newcomer.minimum_coverage == 0.2
    assert newcomer.inputs["usage"].points == config.inputs["usage"].points
    assert newcomer.digest() != config.digest() == HealthConfig().digest()


@pytest.mark.parametrize(
    ("score", "band"),
    [("0", "red"), ("40.999", "red"), ("41", "yellow"), ("70.999", "yellow"), ("71", "green"),
     ("100", "green"), ("100.01", "green"), ("101", "excellent"), ("250", "excellent")],
)  # fmt: skip
def test_the_edges_of_the_bands(score: str, band: str) -> None:
    """A lower edge belongs to its band; nothing is rounded before it is compared."""
    assert find_band(HealthConfig(), score) == band


def test_excellent_may_begin_just_above_a_full_weighted_score() -> None:
    config = HealthConfig.model_validate({"bands": {"excellent": 100.01}})
    assert find_band(config, "100") == "green"
    assert find_band(config, "100.01") == "excellent"


def find_band(config: HealthConfig, score: str) -> str:
    return ModelScorer(config).find_band(*Fraction(score).as_integer_ratio())


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            {"seats": {"weight": 30, "signal": "csat_90", "points": [(0, 0), (1, 100)]}},
            "scale them: inputs.usage.weight = 28, inputs.billing.weight = 21, "
            "inputs.support.weight = 14, inputs.nps.weight = 7; or take an input out with "
            "weight = 0",
        ),
        (
            {"usage": {"weight": 30}},
            "scale them: inputs.usage.weight = 33.34, inputs.billing.weight = 33.33, "
            "inputs.support.weight = 22.22, inputs.nps.weight = 11.11",
        ),
    ],
)
def test_an_added_input_is_told_what_the_others_must_be(inputs: Any, message: str) -> None:
    """The remedy holds: with these weights the model is sound."""
    with pytest.raises(ValueError, match="weights must total 100") as raised:
        HealthConfig.model_validate({"inputs": inputs})
    assert message in str(raised.value)
    actual = re.findall(r"inputs\.(\w+)\.weight = ([\d.]+)", str(raised.value))
    scaled = {name: {**inputs.get(name, {}), "weight": float(weight)} for name, weight in actual}
    HealthConfig.model_validate({"inputs": {**inputs, **scaled}})
