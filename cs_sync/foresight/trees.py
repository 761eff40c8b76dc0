"""Boosted trees as plain numbers: what scikit-learn fitted, computed without it."""

import math
from collections.abc import Mapping

from msgspec import Struct

from cs_sync.foresight.inputs import find_input, transform_value
from cs_sync.foresight.model import to_probability

LEAF = -1
"""The place of the input at a node that asks nothing more."""


class Tree(Struct, frozen=True):
    """A tree as columns, one entry per node, the root first."""

    asked: tuple[int, ...]
    """Place of the input that decides; `LEAF` at a leaf."""
    threshold: tuple[float, ...]
    """Up to it one goes left."""
    unknown_left: tuple[bool, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]
    """What the accounts that came so far add to the log-odds."""

    def list_steps(self, values: tuple[float | None, ...]) -> list[tuple[int, float]]:
        """List the inputs asked on the way to a leaf.

        Each comes with how it moved the log-odds.
        """
        node, steps = 0, []
        while (place := self.asked[node]) != LEAF:
            value = values[place]
            goes_left = self.unknown_left[node] if value is None else value <= self.threshold[node]
            child = self.left[node] if goes_left else self.right[node]
            steps.append((place, self.value[child] - self.value[node]))
            node = child
        return steps


class TreeModel(Struct, frozen=True):
    """Boosted trees; the part of an input is how the ways through all trees moved at it."""

    intercept: float
    """The log-odds before any input is asked."""
    inputs: tuple[str, ...]
    trees: tuple[Tree, ...]

    def list_contributions(self, values: Mapping[str, float | None]) -> dict[str, float]:
        """Map input → its part of the log-odds.

        Args:
            values: Signal → its reading, as in an observation.
        """
        known = tuple(transform_value(find_input(name), values.get(name)) for name in self.inputs)
        moves: list[list[float]] = [[] for _ in self.inputs]
        for tree in self.trees:
            for place, move in tree.list_steps(known):
                moves[place].append(move)
        return {name: math.fsum(own) for name, own in zip(self.inputs, moves, strict=True)}

    def calculate_log_odds(self, values: Mapping[str, float | None]) -> float:
        """Calculate the log-odds of the event in the horizon."""
        return self.intercept + math.fsum(self.list_contributions(values).values())

    def calculate_probability(self, values: Mapping[str, float | None]) -> float:
        """Calculate the probability of the event in the horizon."""
        return to_probability(self.calculate_log_odds(values))
