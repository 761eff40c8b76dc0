"""Fitted models as they are stored: numbers that anybody can read."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from cs_sync.foresight.model import HazardModel, Term
from cs_sync.foresight.trees import Tree, TreeModel

FittedModel: TypeAlias = HazardModel | TreeModel


def dump_model(model: FittedModel) -> dict[str, Any]:
    """Convert a model to what is stored."""
    return asdict(model)


def load_model(stored: Mapping[str, Any]) -> FittedModel:
    """Convert what is stored back to the model."""
    if "trees" not in stored:
        return HazardModel(stored["intercept"], tuple(Term(**term) for term in stored["terms"]))
    trees = (
        Tree(**{name: tuple(column) for name, column in tree.items()}) for tree in stored["trees"]
    )
    return TreeModel(stored["intercept"], tuple(stored["inputs"]), tuple(trees))


def list_inputs(stored: Mapping[str, Any]) -> list[str]:
    """List the inputs of a stored model."""
    return [*stored["inputs"]] if "trees" in stored else [t["input"] for t in stored["terms"]]
