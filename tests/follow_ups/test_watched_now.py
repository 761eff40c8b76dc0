"""Up to when a silence of the playbooks holds is noted by what they compare with."""

from bisect import bisect_right
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.follow_ups import AccountView, PersonFact, Silence, plan_follow_ups
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.watched_now import Turns, WatchedDays, WatchedInstant
from cs_sync.health.facts import RunningSubscription, StepFact, UsageFact
from tests.follow_ups.views import NOW, answer, movement, rating, ticket, view

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_comparison_turns_when_what_lies_ahead_is_past() -> None:
    now = WatchedInstant.watch_now(NOW)
    assert now > NOW - DAY
    assert now.turns.at is None
    assert now < NOW + 3 * HOUR
    assert now.turns.at == NOW + 3 * HOUR
    assert now - 30 * DAY <= NOW - 30 * DAY + 2 * HOUR
    assert now.turns.at == NOW + 2 * HOUR
    assert now - DAY < now
    assert bisect_right([NOW - DAY, NOW + HOUR, NOW + 4 * HOUR], now) == 1
    assert now.turns.at == NOW + HOUR
    assert now == NOW
    assert now.turns.at == NOW


@pytest.mark.parametrize(
    "use",
    [
        lambda now: now.hour,
        lambda now: now.date(),
        lambda now: (now - (NOW - DAY)).days,
        lambda now: NOW + DAY - now,
        hash,
    ],
)
def test_any_other_use_holds_for_no_time(use: object) -> None:
    now = WatchedInstant.watch_now(NOW)
    assert use(now) == use(NOW)  # type: ignore[operator]
    assert now.turns.at == NOW


def test_days_turn_with_more_days_of_use() -> None:
    turns = Turns(NOW)
    days = WatchedDays.watch_count(10, turns)
    assert days >= 3
    assert turns.days is None
    assert days < 30
    assert turns.days == 20
    assert days < 14
    assert turns.days == 4
    assert days <= 10
    assert turns.days == 1


def before(most: int) -> st.SearchStrategy[datetime]:
    """Instants of so many days before now, to the hour, so that some turn within the day."""
    return st.integers(0, most * 24).map(lambda hours: NOW - hours * HOUR)


def ahead() -> st.SearchStrategy[datetime]:
    return st.integers(-30, 30).map(lambda hours: NOW + hours * HOUR)


def list_of(made: st.SearchStrategy[object], most: int) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(made, max_size=most).map(tuple)


days_of_use = st.integers(0, 40).map(lambda ago: NOW.date() - timedelta(days=ago))
subscriptions = st.builds(
    lambda ends: RunningSubscription("stripe", "s", "active", ends, None, None),
    st.none() | ahead(),
)
steps = st.builds(
    lambda n, due, done: StepFact("files", str(n), "start", f"step {n}", True, due, done),
    st.integers(0, 2), st.none() | ahead(), st.none() | before(10),
)  # fmt: skip
people = st.builds(
    lambda last, days: PersonFact("p", "Ana", last_day=last, earlier_days=days),
    days_of_use,
    st.integers(0, 30),
)
views = st.builds(
    lambda paid, answers, ratings, tickets, moves, subs, use, who, stuck, red, since: view(
        mrr={"EUR": 120_000} if paid else {},
        answers=answers, ratings=ratings, tickets=tickets, movements=moves, subscriptions=subs,
        usage=use, people=who, steps=stuck, band="red" if red else "green",
        created_at=NOW - 20 * DAY, usage_until=NOW.date() - timedelta(days=2),
        connected={} if since is None else {"hubspot": since, "zendesk": since},
    ),
    st.booleans(),
    list_of(st.builds(lambda at, score: answer(score, answered_at=at), before(100),
                      st.integers(0, 10)), 2),
    list_of(st.builds(rating, st.integers(0, 20), st.booleans(), before(70)), 24),
    list_of(st.builds(lambda at: ticket("1", opened_at=at), before(40)), 4),
    list_of(st.builds(lambda at: movement(at=at), before(20)), 1),
    list_of(subscriptions, 1),
    st.none() | st.builds(lambda last: UsageFact(5, 5, last, 2), days_of_use),
    list_of(people, 1),
    list_of(steps, 2),
    st.booleans(),
    st.none() | before(30),
)  # fmt: skip


def find_silence(shown: AccountView, now: datetime) -> Silence | None:
    watched = replace(shown, now=WatchedInstant.watch_now(now))
    return plan_follow_ups([watched], PLAYBOOKS, {}).quiet.get(shown.id)


@given(views, st.integers(0, 12), st.integers(0, 2))
def test_silence_holds_until_it_turns(shown: AccountView, hours: int, days: int) -> None:
    """Within the day, and while so few days of use came."""
    assert shown.usage_until is not None
    silence = find_silence(shown, NOW)
    later, last = NOW + hours * HOUR, shown.usage_until + timedelta(days=days)
    if silence is None or (silence.turns.at is not None and silence.turns.at <= later):
        return
    if silence.turns.days is None or days < silence.turns.days:
        then = find_silence(replace(shown, usage_until=last), later)
        assert then is not None
        assert then.early == silence.early
