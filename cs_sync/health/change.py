"""Decomposition of a score change between two dates into exact parts."""

from collections.abc import Mapping
from fractions import Fraction

from msgspec import Struct

from cs_sync.health.model import HealthConfig
from cs_sync.health.score import HealthScore, calculate_contributions


class ScoreChange(Struct, frozen=True):
    """A score change and its parts; `total` is the sum of all others.

    The parts, in points of the score: `model` is the effect of other weights or maps alone,
    `went_missing` and `became_known` are the effects of inputs lost and gained, `moved` is
    the effect of each input known at both dates, by its value.
    """

    total: Fraction
    model: Fraction
    went_missing: Fraction
    became_known: Fraction
    moved: Mapping[str, Fraction]


def decompose_change(
    before: HealthScore, after: HealthScore, config_before: HealthConfig, config_after: HealthConfig
) -> ScoreChange | None:
    """Decompose the change between two scores.

    The steps: the old values under the new model, then without the inputs that are no
    longer known, then with the new values, then with the newly known inputs.

    Returns:
        The parts, which sum to the change exactly; None if either score is unknown or the
        modes differ.
    """
    if before.score is None or after.score is None or before.mode != after.mode:
        return None
    old = {c.input: c.value for c in before.contributions}
    new = {c.input: c.value for c in after.contributions}
    remodelled = {name: value for name, value in old.items() if name in config_after.active()}
    both = [name for name in remodelled if name in new]
    if not both:
        # No input can be compared: the one score gave way to the other.
        went, came = -before.score, after.score
        return ScoreChange(after.score - before.score, Fraction(0), went, came, {})
    start = _calculate_total(config_before, old)
    under_new = _calculate_total(config_after, remodelled)
    recalculated = _calculate_parts(config_after, {name: remodelled[name] for name in both})
    then = _calculate_parts(config_after, {name: new[name] for name in both})
    return ScoreChange(
        total=after.score - before.score,
        model=under_new - start,
        went_missing=sum(recalculated.values(), Fraction(0)) - under_new,
        became_known=_calculate_total(config_after, new) - sum(then.values(), Fraction(0)),
        moved={name: then[name] - recalculated[name] for name in both},
    )


def _calculate_parts(config: HealthConfig, values: Mapping[str, float]) -> dict[str, Fraction]:
    return {c.input: c.contribution for c in calculate_contributions(config, values)}


def _calculate_total(config: HealthConfig, values: Mapping[str, float]) -> Fraction:
    return sum(_calculate_parts(config, values).values(), Fraction(0))
