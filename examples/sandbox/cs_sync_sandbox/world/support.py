"""Support requests: steady for most, more of them and graver before many cancellations."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from cs_sync_sandbox.world import words
from cs_sync_sandbox.world.calendar import add_months, choose_office_hour
from cs_sync_sandbox.world.lives import Life
from cs_sync_sandbox.world.records import Person, Ticket

PER_MONTH = 0.385
BEFORE_LEAVING = 2.6  # how many times as many in the two months before an account gives notice
DELETED_ONE_IN = 12

TicketStatus = Literal["new", "open", "pending", "hold", "solved", "closed", "deleted"]


def make_tickets(seed: int, life: Life, people: list[Person], now: datetime) -> list[Ticket]:
    """Return the tickets of one account, unnumbered (`number` 0), oldest first."""
    rng = Random(f"{seed}:tickets:{life.company.number}")
    askers = [person for person in people if person.in_zendesk]
    if not askers or not life.company.in_zendesk:
        return []
    weight = 0.4 + min(2.5, life.company.size / 40)
    tickets, month = [], 0
    while (opened := add_months(life.start, month)) < now:
        month += 1
        if not life.present(opened):
            continue
        rate = PER_MONTH * weight * (BEFORE_LEAVING if _is_troubled(life, opened) else 1.0)
        for _ in range(_draw_poisson(rng, rate)):
            at = choose_office_hour(rng, opened + timedelta(days=rng.randrange(28)))
            if life.start < at < now - timedelta(minutes=5) and life.present(at):
                tickets.append(_make_ticket(rng, life, rng.choice(askers), at, now))
    return sorted(tickets, key=lambda ticket: ticket.created_at)


def number_tickets(tickets: list[Ticket], now: datetime) -> tuple[Ticket, ...]:
    """Number all tickets by age.

    Agents deleted some of the latest as spam.
    """
    ordered = sorted(tickets, key=lambda ticket: (ticket.created_at, ticket.account_key))
    tickets_with_numbers = []
    for number, ticket in enumerate(ordered, start=1000):
        recent = ticket.solved_at is not None and now - ticket.solved_at < timedelta(days=25)
        status = "deleted" if recent and number % DELETED_ONE_IN == 0 else ticket.status
        tickets_with_numbers.append(replace(ticket, number=number, status=status))
    return tuple(tickets_with_numbers)


def _is_troubled(life: Life, moment: datetime) -> bool:
    leaving = life.leaving
    if leaving is None or leaving.how in {"trial_ended", "payment_failed"}:
        return False
    return timedelta() < leaving.asked_at - moment < timedelta(days=70)


def _draw_poisson(rng: Random, rate: float) -> int:
    count, left = 0, rng.expovariate(rate)
    while left < 1:
        count, left = count + 1, left + rng.expovariate(rate)
    return count


def _make_ticket(rng: Random, life: Life, person: Person, at: datetime, now: datetime) -> Ticket:
    troubled = _is_troubled(life, at)
    grave = ("performance", "bug", "integration", "export")
    topic = rng.choice(grave if troubled and rng.random() < 0.6 else tuple(words.TOPICS))
    replied = at + timedelta(minutes=rng.randrange(8, 900 if troubled else 360))
    solved = replied + timedelta(hours=rng.randrange(1, 200 if troubled else 60))
    if rng.random() < 0.1:
        solved += timedelta(days=rng.randrange(5, 30))
    replied_at, solved_at = (m if m < now else None for m in (replied, solved))
    status = _choose_status(rng, replied_at, solved_at, now)
    rating, comment = _choose_rating(rng, troubled=troubled) if solved_at else (None, None)
    tags = (topic, "churn_risk") if troubled and rng.random() < 0.15 else (topic,)
    return Ticket(
        number=0, account_key=life.company.key, requester_key=person.key,
        subject=rng.choice(words.TOPICS[topic]), topic=topic, tags=tags,
        channel=rng.choices(("email", "web", "chat", "api"), (60, 25, 12, 3))[0],
        priority=rng.choices(("low", "normal", "high", "urgent", None), (10, 55, 20, 5, 10))[0],
        kind="question" if topic in {"how_to", "feature_request"} else "problem",
        status=status, created_at=at,
        updated_at=max(m for m in (at, replied_at, solved_at) if m),
        first_reply_at=replied_at, solved_at=solved_at if status != "open" else None,
        replies=rng.randrange(1, 6) if replied_at else 0,
        reopens=rng.choices((0, 1, 2), (60, 30, 10) if troubled else (88, 10, 2))[0],
        rating=rating, rating_comment=comment, has_organization=rng.random() < 0.93,
    )  # fmt: skip


def _choose_status(
    rng: Random, replied_at: datetime | None, solved_at: datetime | None, now: datetime
) -> TicketStatus:
    if replied_at is None:
        return "new"
    if solved_at is None:
        status: TicketStatus = rng.choice(("open", "open", "pending", "hold"))
        return status
    return "closed" if now - solved_at > timedelta(days=5) else "solved"


def _choose_rating(
    rng: Random, *, troubled: bool
) -> tuple[Literal["good", "bad"] | None, str | None]:
    if rng.random() > 0.3:
        return None, None
    if rng.random() < (0.55 if troubled else 0.08):
        return "bad", rng.choice(words.BAD_RATINGS)
    return "good", rng.choice(words.GOOD_RATINGS)
