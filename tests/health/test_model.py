"""Mistakes in `[health]`: each gives one message with the key and the remedy."""

from typing import Any

import pytest
from pydantic import ValidationError

from cs_sync.health import HealthConfig


def test_defaults_are_the_common_weights() -> None:
    config = HealthConfig()
    assert {name: item.weight for name, item in config.inputs.items()} == {
        "usage": 40, "billing": 30, "support": 20, "nps": 10,
    }  # fmt: skip
    assert config.signals() == ["active_days_28", "billing_standing", "tickets_30", "nps"]
    assert (config.bands.yellow, config.bands.green, config.bands.excellent) == (41, 71, 101)


def test_a_table_changes_its_input_and_leaves_the_others() -> None:
    config = HealthConfig.model_validate({"inputs": {
        "usage": {"weight": 45}, "nps": {"weight": 0},
        "mood": {"weight": 5, "signal": "csat_90", "points": [[0, 0], [1, 100]]},
    }})  # fmt: skip
    assert config.inputs["usage"].points == ((0, 0), (10, 50), (20, 100))
    assert list(config.active()) == ["usage", "billing", "support", "mood"]
    assert config.digest() != HealthConfig().digest()
    assert HealthConfig().digest() == HealthConfig.model_validate({}).digest()


@pytest.mark.parametrize(
    ("given", "said"),
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
    ],
)  # fmt: skip
def test_mistakes(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        HealthConfig.model_validate(given)
    assert said in str(error.value)
