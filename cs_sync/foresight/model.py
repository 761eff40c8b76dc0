"""A fitted hazard: frozen numbers that score an account, with contributions that sum exactly."""

import math
from collections.abc import Mapping

from msgspec import Struct

from cs_sync.foresight.inputs import find_input, transform_value

_LARGEST_LOG_ODDS = 700.0
"""Beyond it the exponential overflows; the probability is 0 or 1 to the last digit."""


class Term(Struct, frozen=True):
    """What one input adds to the log-odds, against the mean account of the fit.

    An unknown value counts as `median`, and with `missing_weight` for being unknown.
    """

    input: str
    median: float
    mean: float
    weight: float
    missing_mean: float = 0.0
    missing_weight: float = 0.0


class HazardModel(Struct, frozen=True):
    """A discrete-time hazard whose period is the horizon: logistic in its inputs."""

    intercept: float
    """The log-odds of the mean account."""
    terms: tuple[Term, ...]

    def list_contributions(self, values: Mapping[str, float | None]) -> dict[str, float]:
        """Map input → its part of the log-odds.

        Args:
            values: Signal → its reading, as in an observation.
        """
        return {term.input: _contribute(term, values.get(term.input)) for term in self.terms}

    def calculate_log_odds(self, values: Mapping[str, float | None]) -> float:
        """Calculate the log-odds of the event in the horizon."""
        return self.intercept + math.fsum(self.list_contributions(values).values())

    def calculate_probability(self, values: Mapping[str, float | None]) -> float:
        """Calculate the probability of the event in the horizon."""
        return to_probability(self.calculate_log_odds(values))


def list_contribution_changes(
    model: HazardModel, before: Mapping[str, float | None], now: Mapping[str, float | None]
) -> dict[str, float]:
    """Map input → its part of the change of the log-odds."""
    then = model.list_contributions(before)
    return {name: part - then[name] for name, part in model.list_contributions(now).items()}


def to_probability(log_odds: float) -> float:
    """Convert log-odds to a probability."""
    limited = min(max(log_odds, -_LARGEST_LOG_ODDS), _LARGEST_LOG_ODDS)
    return 1 / (1 + math.exp(-limited))


def _contribute(term: Term, value: float | None) -> float:
    known = transform_value(find_input(term.input), value)
    is_missing = 1.0 if known is None else 0.0
    at = term.median if known is None else known
    return term.weight * (at - term.mean) + term.missing_weight * (is_missing - term.missing_mean)
