"""Answers to surveys: relationship NPS, CSAT and CES by mail, NPS and CES inside the product."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Literal

from cs_sync_sandbox.world import words
from cs_sync_sandbox.world.calendar import add_months, choose_office_hour
from cs_sync_sandbox.world.lives import Life
from cs_sync_sandbox.world.records import Person, SurveyAnswer

Kind = Literal["nps", "csat", "ces"]
Channel = Literal["hubspot", "posthog"]

# HubSpot's satisfaction survey has three faces, 0 to 2.
# kind, name, lowest and highest score, who asks, share that answers, months between two rounds
ROUNDS: tuple[tuple[Kind, str, int, int, Channel, float, int], ...] = (
    ("nps", "Relationship NPS", 0, 10, "hubspot", 0.16, 6),
    ("csat", "Half-year check-in", 0, 2, "hubspot", 0.09, 6),
    ("ces", "Ease of set-up", 1, 7, "hubspot", 0.07, 12),
    ("nps", "In-app NPS", 0, 10, "posthog", 0.07, 4),
    ("ces", "How easy was that?", 1, 7, "posthog", 0.05, 4),
)


def make_answers(seed: int, life: Life, people: list[Person], now: datetime) -> list[SurveyAnswer]:
    """Return the answers of one account's people, unnumbered (`number` 0)."""
    answers = []
    for person in people:
        rng = Random(f"{seed}:survey:{person.number}")
        mood = rng.gauss(0.75, 0.17)
        for kind, survey, low, high, channel, share, months in ROUNDS:
            if channel == "posthog" and not person.in_product:
                continue
            due_at = add_months(max(person.created_at, life.start), 1)
            while due_at < now:
                at = choose_office_hour(rng, due_at + timedelta(days=rng.randrange(20)))
                if rng.random() < share and at < now - timedelta(hours=1) and life.present(at):
                    feeling = mood - (0.33 if _is_unhappy(life, at) else 0)
                    score = _score(rng, feeling, low, high)
                    answers.append(
                        SurveyAnswer(
                            0, life.company.key, person.key, kind, survey, score, low, high,
                            _choose_comment(rng, score, low, high), at, channel,
                        )
                    )  # fmt: skip
                due_at = add_months(due_at, months)
    return answers


def _is_unhappy(life: Life, moment: datetime) -> bool:
    if life.fade_from and moment.date() >= life.fade_from - timedelta(days=45):
        return True
    return life.leaving is not None and life.leaving.asked_at - moment < timedelta(days=60)


def _score(rng: Random, feeling: float, low: int, high: int) -> int:
    share = min(1.0, max(0.0, feeling + rng.gauss(0.05, 0.14)))
    return low + round(share * (high - low))


def _choose_comment(rng: Random, score: int, low: int, high: int) -> str | None:
    share = (score - low) / (high - low)
    if share >= 0.85:
        return rng.choice(words.PRAISE)
    return rng.choice(words.COMPLAINTS if share < 0.65 else words.SHRUGS)
