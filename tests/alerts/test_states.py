"""Once per cause and channel, and once again when it is over."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cs_sync.alerts.causes import Cause, Judgement
from cs_sync.alerts.states import AlertState, mark_sent, update_states

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
KINDS = frozenset({"failed", "partial"})
FAILED = Cause("failed", "the run failed", ("no key",))
BOTH = ("email", "webhook")


def after(
    states: list[AlertState], *causes: Cause, channels: tuple[str, ...] = BOTH, day: int = 0
) -> list[AlertState]:
    return update_states(states, Judgement(causes, KINDS), channels, NOW + timedelta(days=day))


def waits(states: list[AlertState]) -> dict[str, tuple[str, ...]]:
    return {state.cause: tuple(sorted(state.waiting)) for state in states}


def test_a_cause_is_told_once_and_its_end_once() -> None:
    states = after([], FAILED)
    assert waits(states) == {"failed": BOTH}
    states = mark_sent(mark_sent(states, "email"), "webhook")
    for day in (1, 2):
        states = after(states, FAILED, day=day)
        assert waits(states) == {"failed": ()}
    assert states[0].since == NOW
    states = after(states, day=3)
    assert states[0].is_over
    assert waits(states) == {"failed": BOTH}
    states = mark_sent(mark_sent(states, "email"), "webhook")
    assert states[0].is_settled


def test_a_channel_that_failed_is_tried_again_and_the_other_is_not() -> None:
    states = after(mark_sent(after([], FAILED), "email"), FAILED, day=1)
    assert waits(states) == {"failed": ("webhook",)}


def test_who_was_never_told_is_not_told_of_the_end() -> None:
    states = after(mark_sent(after([], FAILED), "email"), day=1)
    assert waits(states) == {"failed": ("email",)}
    assert after(after([], FAILED), day=1)[0].is_settled


def test_another_reason_is_news_and_its_end_is_told_to_who_knew_the_first() -> None:
    messages = mark_sent(mark_sent(after([], FAILED), "email"), "webhook")
    states = after(messages, Cause("failed", "the run failed", ("the disk is full",)), day=1)
    assert waits(states) == {"failed": BOTH}
    assert states[0].since == NOW
    assert waits(after(mark_sent(states, "email"), day=2)) == {"failed": BOTH}


def test_it_comes_back_before_its_end_was_told() -> None:
    over = after(mark_sent(mark_sent(after([], FAILED), "email"), "webhook"), day=1)
    states = after(mark_sent(over, "email"), FAILED, day=2)
    assert waits(states) == {"failed": BOTH}
    assert not states[0].is_over
    assert states[0].since == NOW + timedelta(days=2)


def test_what_was_not_looked_for_stays_as_it_is() -> None:
    late = [AlertState("overdue", NOW, "no run", knowing=BOTH)]
    assert after(late) == late


def test_a_new_channel_is_told_and_one_that_is_gone_forgotten() -> None:
    states = mark_sent(after([], FAILED, channels=("email",)), "email")
    states = after(states, FAILED, channels=("webhook",), day=1)
    assert waits(states) == {"failed": ("webhook",)}
    assert states[0].knowing == ()


def test_without_a_channel_what_is_wrong_is_kept_and_goes_when_it_is_over() -> None:
    states = after([], FAILED, channels=())
    assert waits(states) == {"failed": ()}
    assert after(states, channels=(), day=1)[0].is_settled


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_a_channel_hears_beginnings_and_ends_in_turn(days: list[tuple[bool, bool]]) -> None:
    """Whatever fails to be sent: never two beginnings of one cause, never an end without one."""
    states: list[AlertState] = []
    heard: list[bool] = []
    for day, (wrong, works) in enumerate(days):
        states = after(states, *([FAILED] if wrong else []), channels=("email",), day=day)
        pending = [state for state in states if "email" in state.waiting]
        if pending and works:
            heard += [not state.is_over for state in pending]
            states = mark_sent(states, "email")
        states = [state for state in states if not state.is_settled]
    believed = False
    for begins in heard:
        assert begins or believed
        believed = begins
    if days and all(works for _, works in days):
        assert believed == days[-1][0]
        assert all(item != other for item, other in pairwise(heard))
