"""Puts the world together: a pure function of seed, day and number of accounts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from operator import attrgetter

from cs_sync_sandbox.world import catalog, companies
from cs_sync_sandbox.world.calendar import add_months, get_midnight
from cs_sync_sandbox.world.invoices import (
    Catalog,
    make_invoices,
    make_refunds,
    make_workshop_invoice,
)
from cs_sync_sandbox.world.lives import Life, make_life
from cs_sync_sandbox.world.records import (
    Company,
    Course,
    Invoice,
    OnboardingStep,
    Person,
    Refund,
    Subscription,
    SurveyAnswer,
    Ticket,
    UsageRow,
    World,
)
from cs_sync_sandbox.world.subscriptions import make_subscriptions
from cs_sync_sandbox.world.support import make_tickets, number_tickets
from cs_sync_sandbox.world.surveys import make_answers
from cs_sync_sandbox.world.usage import DAYS, iterate_onboarding, iterate_usage


@dataclass
class _Heap:
    """The facts gathered so far, account by account."""

    companies: list[Company] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    answers: list[SurveyAnswer] = field(default_factory=list)
    onboarding: list[OnboardingStep] = field(default_factory=list)
    usage: list[UsageRow] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)


def build_world(seed: int, today: date, accounts: int = 400, usage_days: int = DAYS) -> World:
    """Build 24 months of Acme, up to the start of `today`.

    The same arguments give the same world, to the byte of every answer made from it.
    """
    now = get_midnight(today)
    opened = add_months(now, -30)
    coupons = catalog.list_coupons(opened)
    shop = Catalog({p.id: p for p in catalog.list_prices(opened)}, {c.id: c for c in coupons})
    heap = _Heap()
    for company in companies.make_companies(seed, accounts, now):
        _account(heap, seed, company, shop, now, usage_days)
    return World(
        seed=seed,
        today=today,
        now=now,
        owners=companies.list_owners(),
        companies=tuple(heap.companies),
        people=tuple(heap.people),
        products=catalog.list_products(opened),
        prices=tuple(shop.prices.values()),
        coupons=coupons,
        subscriptions=tuple(heap.subscriptions),
        invoices=tuple(sorted(heap.invoices, key=attrgetter("created_at", "id"))),
        refunds=tuple(sorted(heap.refunds, key=attrgetter("created_at", "number"))),
        tickets=number_tickets(heap.tickets, now),
        survey_answers=_number_answers(heap.answers),
        onboarding=tuple(heap.onboarding),
        usage=tuple(sorted(heap.usage, key=lambda row: row[:2])),
        courses=tuple(heap.courses),
    )


def _account(
    heap: _Heap, seed: int, company: Company, shop: Catalog, now: datetime, usage_days: int
) -> None:
    start = len(heap.people) + 1
    numbers = range(start, start + companies.count_people(seed, company))
    people = companies.make_people(seed, company, numbers)
    heap.people += people
    if not company.signed_up:
        heap.companies.append(company)
        return
    life = make_life(seed, company, now)
    heap.companies.append(_delete_some_trials(company, life, now))
    for subscription in make_subscriptions(seed, life, tuple(shop.coupons.values()), now):
        invoices = make_invoices(seed, subscription, company, shop, now)
        heap.subscriptions.append(subscription)
        heap.invoices += invoices
        heap.refunds += make_refunds(seed, subscription, invoices)
    heap.invoices += make_workshop_invoice(seed, company, shop, now)
    heap.tickets += make_tickets(seed, life, people, now)
    heap.answers += make_answers(seed, life, people, now)
    heap.onboarding += iterate_onboarding(seed, life, people, now)
    heap.usage += iterate_usage(seed, life, people, now, usage_days)
    heap.courses.append(_build_course(life, now))


def _delete_some_trials(company: Company, life: Life, now: datetime) -> Company:
    """Delete the customers of some recent failed trials."""
    leaving = life.leaving
    if leaving is None or leaving.how != "trial_ended" or company.number % 5:
        return company
    deleted = max(leaving.ends_at + timedelta(days=9), now - timedelta(days=company.number % 25))
    return replace(company, stripe_deleted_at=deleted) if deleted < now else company


def _build_course(life: Life, now: datetime) -> Course:
    leaving = life.leaving
    last = leaving.ends_at.date() if leaving and life.back_at is None else None
    return Course(
        life.company.key, life.start.date(), last, life.fade_from, life.dip,
        life.converted and life.pays_from <= now,
    )  # fmt: skip


def _number_answers(answers: list[SurveyAnswer]) -> tuple[SurveyAnswer, ...]:
    ordered = sorted(answers, key=attrgetter("answered_at", "person_key", "survey"))
    return tuple(replace(answer, number=i) for i, answer in enumerate(ordered, start=1))
