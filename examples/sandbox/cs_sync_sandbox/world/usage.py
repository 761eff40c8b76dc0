"""Usage per (day, person) of the last days: week rhythm, fading, dips, onboarding steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

from cs_sync_sandbox.world import words
from cs_sync_sandbox.world.calendar import get_midnight
from cs_sync_sandbox.world.lives import Life
from cs_sync_sandbox.world.records import OnboardingStep, Person, UsageRow

DAYS = 200
"""How many days back usage goes, where nothing else is asked for."""
FADE_OVER = 45  # days from the first sign to nearly nothing


def iterate_usage(
    seed: int, life: Life, people: list[Person], now: datetime, days_back: int = DAYS
) -> Iterator[UsageRow]:
    """Yield what each person of an account did each day.

    UTC days before `now`.
    """
    first = max(life.start.date() + timedelta(days=1), (now - timedelta(days=days_back)).date())
    count = (now.date() - first).days
    days = [first + timedelta(days=index) for index in range(count)]
    levels = [(day, _calculate_level(life, day)) for day in days]
    levels = [(day, level) for day, level in levels if level > 0]
    for person in people:
        if person.in_product:
            yield from _make_person_usage(Random(f"{seed}:usage:{person.number}"), person, levels)


def iterate_onboarding(
    seed: int, life: Life, people: list[Person], now: datetime
) -> Iterator[OnboardingStep]:
    """Yield the checklist of an account, mostly open without conversion."""
    rng = Random(f"{seed}:onboarding:{life.company.number}")
    zeal = 0.95 if life.converted else 0.45
    at = life.start
    for position, step in enumerate(words.STEPS):
        at += timedelta(hours=rng.randrange(1, 96))
        done = rng.random() < zeal - 0.07 * position and at < now and life.present(at)
        yield OnboardingStep(
            life.company.key, people[0].key, "getting_started", step, position < 4,
            life.start + timedelta(days=5 * (position + 1)), at if done else None,
        )  # fmt: skip


def _calculate_level(life: Life, day: date) -> float:
    """Return how busy the account is on a day; 1 is normal."""
    if not life.present(get_midnight(day)):
        return 0.0
    level = 0.08 if day.weekday() >= 5 else 1.0
    if life.fade_from and day >= life.fade_from and not _is_back(life, day):
        level *= max(0.06, 1 - (day - life.fade_from).days / FADE_OVER)
    if life.dip and life.dip[0] <= day < life.dip[1]:
        level *= 0.25
    return level


def _is_back(life: Life, day: date) -> bool:
    return life.back_at is not None and day >= life.back_at.date()


def _make_person_usage(
    rng: Random, person: Person, levels: list[tuple[date, float]]
) -> Iterator[UsageRow]:
    habit = rng.betavariate(2.2, 2.4) if person.role == "member" else rng.betavariate(4, 2)
    width = rng.randrange(2, len(words.FEATURES) + 1)
    features = rng.sample(words.FEATURES, width)
    joined, random = person.created_at.date(), rng.random
    for day, level in levels:
        if day < joined or random() > habit * level:
            continue
        sessions = 1 + int(random() * 3 * level)
        events = sessions * (4 + int(random() * 26))
        breadth = min(width, 1 + int(random() * (1 + 3 * level)))
        yield UsageRow(
            day, person.key, person.account_key, events, sessions,
            events * (20 + int(random() * 40)), tuple(features[:breadth]),
        )  # fmt: skip
