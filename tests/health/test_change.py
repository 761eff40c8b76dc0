"""The change between two scores, split by hand and by law."""

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cs_sync.health import (
    HealthConfig,
    HealthScore,
    Reading,
    build_day_scope,
    decompose_change,
    score_account,
)

SCOPE = build_day_scope(date(2025, 11, 21))
ONE = HealthConfig(minimum_coverage=0)
OTHER = HealthConfig.model_validate({
    "minimum_coverage": 0, "inputs": {"usage": {"weight": 20}, "nps": {"weight": 30}},
})  # fmt: skip
POINTS = HealthConfig.model_validate({
    "mode": "points", "inputs": {"use": {"weight": 1, "signal": "active_days_28"}},
})  # fmt: skip
SIGNALS = ("active_days_28", "billing_standing", "tickets_30", "nps")


def scored(config: HealthConfig, **values: float | None) -> HealthScore:
    return score_account({n: Reading(v) for n, v in values.items()}, config, SCOPE)


def test_what_moved_and_what_went_missing() -> None:
    """Before: usage 100 and support 100. After: usage 50, NPS 50, support unknown.

    Losing support changes nothing (usage alone is 100), usage moves by −50, NPS adds nothing.
    """
    before = scored(ONE, active_days_28=20, tickets_30=0)
    after = scored(ONE, active_days_28=10, nps=7)
    change = decompose_change(before, after, ONE, ONE)
    assert change is not None
    assert [change.total, change.went_missing, change.became_known] == [-50, 0, 0]
    assert change.moved == {"usage": -50}


def test_another_model_changes_the_score_of_the_same_facts() -> None:
    """40 and 10 of 50 become 20 and 30 of 50: 80 falls to 40."""
    facts = {"active_days_28": 20.0, "nps": 0.0}
    change = decompose_change(scored(ONE, **facts), scored(OTHER, **facts), ONE, OTHER)
    assert change is not None
    assert [change.total, change.model] == [-40, -40]
    assert set(change.moved.values()) == {Fraction(0)}


def test_there_is_no_change_against_an_unknown_score_or_another_mode() -> None:
    known = scored(ONE, active_days_28=20)
    assert decompose_change(known, scored(ONE), ONE, ONE) is None
    assert decompose_change(known, scored(POINTS, active_days_28=20), ONE, POINTS) is None


def test_nothing_in_common_is_one_score_for_another() -> None:
    change = decompose_change(scored(ONE, active_days_28=20), scored(ONE, nps=7), ONE, ONE)
    assert change is not None
    assert [change.total, change.went_missing, change.became_known] == [-50, -100, 50]


VALUES = st.lists(st.none() | st.integers(0, 25), min_size=4, max_size=4)


@given(VALUES, VALUES, st.sampled_from([ONE, OTHER]), st.sampled_from([ONE, OTHER]))
def test_the_parts_sum_to_the_change(
    old: list[int | None], new: list[int | None], first: HealthConfig, last: HealthConfig
) -> None:
    before = scored(first, **dict(zip(SIGNALS, old, strict=True)))
    after = scored(last, **dict(zip(SIGNALS, new, strict=True)))
    change = decompose_change(before, after, first, last)
    if before.score is None or after.score is None:
        assert change is None
        return
    assert change is not None
    assert change.total == after.score - before.score
    parts = change.model + change.went_missing + change.became_known + sum(change.moved.values())
    assert parts == change.total
