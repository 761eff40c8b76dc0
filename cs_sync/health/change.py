"""Why a score changed between two dates: parts that sum to the change exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cs_sync.health.model import HealthConfig
from cs_sync.health.score import Score, contributions_of


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a score and its parts: `total` is the sum of all the others.

    `model` is what other weights or maps alone would have changed, `went_missing` and
    `became_known` what inputs no longer or newly known did, `moved` what each input known at
    both dates did by its own value.
    """

    total: Fraction
    model: Fraction
    went_missing: Fraction
    became_known: Fraction
    moved: Mapping[str, Fraction]


def change_between(
    before: Score, after: Score, config_before: HealthConfig, config_after: HealthConfig
) -> Change | None:
    """Split the change; None when either score is unknown or the modes differ.

    Steps from one to the other: the old values under the new model, then without the inputs that
    are no longer known, then with the new values, then with the newly known inputs.
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
        return Change(after.score - before.score, Fraction(0), went, came, {})
    start = _total(config_before, old)
    under_new = _total(config_after, remodelled)
    kept = _parts(config_after, {name: remodelled[name] for name in both})
    then = _parts(config_after, {name: new[name] for name in both})
    return Change(
        total=after.score - before.score,
        model=under_new - start,
        went_missing=sum(kept.values(), Fraction(0)) - under_new,
        became_known=_total(config_after, new) - sum(then.values(), Fraction(0)),
        moved={name: then[name] - kept[name] for name in both},
    )


def _parts(config: HealthConfig, known: Mapping[str, float]) -> dict[str, Fraction]:
    return {c.input: c.contribution for c in contributions_of(config, known)}


def _total(config: HealthConfig, known: Mapping[str, float]) -> Fraction:
    return sum(_parts(config, known).values(), Fraction(0))
