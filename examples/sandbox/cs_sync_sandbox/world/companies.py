"""Acme's accounts, the people who work there and the managers who look after them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from cs_sync_sandbox.world import words
from cs_sync_sandbox.world.calendar import add_months, choose_between
from cs_sync_sandbox.world.records import Company, Owner, Person, System

LEADS = 12  # companies the CRM knows that never signed up


def list_owners() -> tuple[Owner, ...]:
    """Return the customer-success managers, the last of whom has left Acme."""
    names = (*words.OWNERS, words.FORMER_OWNER)
    return tuple(
        Owner(number, first, last, f"{first.lower()}@acme.example", active=number < len(names))
        for number, (first, last) in enumerate(names, start=1)
    )


def make_companies(seed: int, count: int, now: datetime) -> tuple[Company, ...]:
    """Make `count` accounts and a few leads, with blemishes.

    Those that real data has.
    """
    rng = Random(f"{seed}:companies")
    names = [f"{a} {b}" for a in words.FIRST_WORDS for b in words.SECOND_WORDS]
    rng.shuffle(names)
    opened = add_months(now, -24)
    made = [
        _make_company(Random(f"{seed}:company:{number}"), number, _name(names, number), opened, now)
        for number in range(1, count + LEADS + 1)
    ]
    made = [c if c.number <= count else _lead(c) for c in made]
    return tuple(_add_blemishes(made, count, now))


def make_people(seed: int, company: Company, numbers: range) -> list[Person]:
    """Return the people of one account; the first is its admin."""
    persons = []
    for number in numbers:
        rng = Random(f"{seed}:person:{number}")
        persons.append(_make_person(rng, company, number, first=number == numbers[0]))
    return persons


def count_people(seed: int, company: Company) -> int:
    """Return how many people of an account Acme knows."""
    return 2 + min(5, int(Random(f"{seed}:heads:{company.number}").expovariate(0.5)))


def _name(names: list[str], number: int) -> str:
    turn, index = divmod(number - 1, len(names))
    return names[index] if turn == 0 else f"{names[index]} {turn + 1}"


def _make_company(rng: Random, number: int, name: str, opened: datetime, now: datetime) -> Company:
    domain = None if rng.random() < 0.06 else f"{name.lower().replace(' ', '-')}.example"
    region = rng.choice(words.REGIONS)
    size = int(rng.lognormvariate(3.2, 1.0)) + 2
    base = 0.28 if number % 3 == 0 else 1.0  # a third of the accounts signed up on day one
    created = choose_between(rng, opened, opened + (now - opened) * base * 0.985)
    if number % 36 == 5:
        created = choose_between(rng, now - timedelta(days=13), now - timedelta(days=1))
    if domain is None or rng.random() < 0.07:
        billing = f"{name.lower().replace(' ', '.')}@{rng.choice(words.FREE_MAIL)}"
    else:
        billing = f"{rng.choice(('billing', 'invoices', 'office'))}@{domain}"
    return Company(
        number=number, key=f"acct_{number:04d}", name=name, domain=domain,
        extra_domains=(f"{domain.removesuffix('.example')}-group.example",)
        if domain and rng.random() < 0.05 else (),
        industry=rng.choice(words.INDUSTRIES), region=region, size=size,
        currency="usd" if region in {"US", "GB"} or rng.random() < 0.12 else "eur",
        owner_number=None if rng.random() < 0.04 else rng.randint(1, len(words.OWNERS)),
        created_at=created, billing_email=billing, key_in=_choose_systems(rng),
        in_zendesk=rng.random() < 0.92,
    )  # fmt: skip


def _choose_systems(rng: Random) -> frozenset[System]:
    shares: tuple[tuple[System, float], ...] = (
        ("stripe", 0.9), ("hubspot", 0.75), ("zendesk", 0.75), ("posthog", 1.0),
    )  # fmt: skip
    return frozenset(system for system, share in shares if rng.random() < share)


def _lead(company: Company) -> Company:
    return replace(company, signed_up=False, in_zendesk=False, key_in=frozenset())


def _add_blemishes(made: list[Company], count: int, now: datetime) -> list[Company]:
    """Add the blemishes of every real CRM.

    A shared domain, duplicates, deletions, a test account.
    """
    made[0] = replace(
        made[0], name="Acme internal test", domain="acme.example", extra_domains=(),
        billing_email="test@acme.example", is_test=True,
    )  # fmt: skip
    for index in range(10, count - 1, 90):
        shared = made[index].domain or f"group-{index}.example"
        made[index] = replace(made[index], domain=shared)
        made[index + 1] = replace(made[index + 1], domain=shared)
    for index in range(20, count, 60):
        made[index] = replace(made[index], merged_numbers=(5000 + index,))
    for index in range(25, count, 120):
        made[index] = replace(made[index], merged_numbers=(5000 + index, 6000 + index))
    for lead in range(count, len(made), 3):
        made[lead] = replace(made[lead], archived_at=now - timedelta(days=10 + lead % 50))
    return made


def _make_person(rng: Random, company: Company, number: int, *, first: bool) -> Person:
    first_name, family = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
    role: Literal["admin", "member", "billing"] = "admin" if first else "member"
    if not first and rng.random() < 0.08:
        role = "billing"
    domain = company.domain or rng.choice(words.FREE_MAIL)
    local = f"{first_name}.{family}".lower().replace("'", "").replace("é", "e")
    emails: tuple[str, ...] = (f"{local}.{number}@{domain}",)
    roll = rng.random()
    if roll < 0.09:
        emails += (f"{local[0]}{family.lower().replace(chr(39), '')}.{number}@{domain}",)
    elif roll < 0.11:
        emails = ()
    joined = company.created_at + timedelta(hours=0 if first else rng.randrange(1, 24 * 60))
    return Person(
        number=number, key=f"u-{number:05d}", account_key=company.key, first=first_name,
        last=family,
        emails=emails, job=rng.choice(words.JOBS), role=role, created_at=joined,
        in_product=role != "billing" and company.signed_up, in_zendesk=rng.random() < 0.8,
    )  # fmt: skip
