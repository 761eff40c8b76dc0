"""Fitted models as they are stored: numbers that anybody can read."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from cs_sync.foresight.model import HazardModel
from cs_sync.foresight.trees import TreeModel

FittedModel: TypeAlias = HazardModel | TreeModel


def dump_model(model: FittedModel) -> dict[str, Any]:
    """Convert a model to what is stored."""
    stored: dict[str, Any] = msgspec.to_builtins(model)
    return stored


def load_model(stored: Mapping[str, Any]) -> FittedModel:
    """Convert what is stored back to the model."""
    if "trees" in stored:
        return msgspec.convert(stored, TreeModel)
    return msgspec.convert(stored, HazardModel)


def list_inputs(stored: Mapping[str, Any]) -> list[str]:
    """List the inputs of a stored model."""
    return [*stored["inputs"]] if "trees" in stored else [t["input"] for t in stored["terms"]]
