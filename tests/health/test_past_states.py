"""Past states: equal ones are one object, others are not."""

from fractions import Fraction

from cs_sync.health import HealthScore
from cs_sync.health.facts import BillingMarks
from cs_sync.health.score import Contribution
from cs_sync.queries.past_states import PastState, StateBook

HALF = Contribution("use", "days", 14.0, Fraction(50), Fraction(100), Fraction(50))
SCORE = HealthScore("weighted", "m", Fraction(50), "yellow", Fraction(1), (HALF,), ())
RUNNING = BillingMarks(is_running=True)


def test_equal_states_are_one_object_and_others_are_not() -> None:
    book = StateBook()
    state = book.build(SCORE, RUNNING, {"EUR": 100})
    assert state == PastState(
        50.0, "yellow", {"use": 50.0}, is_billed=True, is_running=True, paid={"EUR": 100}
    )
    assert book.build(SCORE, RUNNING, {"EUR": 100}) is state
    assert book.build(SCORE, RUNNING, {"EUR": 101}).paid == {"EUR": 101}
    assert not book.build(SCORE, None, {"EUR": 100}).is_billed
