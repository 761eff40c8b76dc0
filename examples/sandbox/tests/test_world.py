"""The world is the same every time, and such as a real company's data would be."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from cs_sync_sandbox import World, build_world
from cs_sync_sandbox.world import catalog
from cs_sync_sandbox.world.calendar import add_months, get_midnight
from cs_sync_sandbox.world.records import ItemVersion, Price, Tier


@pytest.fixture(scope="module")
def world(whole_world: World) -> World:
    """What is said of the demo needs all of it."""
    return whole_world


@pytest.mark.slow("builds a world")
def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    first, same, other = (build_world(seed, date(2026, 3, 31), 40) for seed in (1, 1, 2))
    assert first == same
    assert first.usage != other.usage


@pytest.mark.slow("builds a world")
def test_nothing_happens_in_the_future(world: World) -> None:
    assert all(i.created_at < world.now for i in world.invoices)
    assert all(t.created_at < world.now and t.updated_at < world.now for t in world.tickets)
    assert all(a.answered_at < world.now for a in world.survey_answers)
    assert max(row.day for row in world.usage) == world.today - timedelta(days=1)
    assert min(row.day for row in world.usage) == world.today - timedelta(days=200)


@pytest.mark.slow("builds a world")
def test_there_is_enough_of_everything(world: World) -> None:
    assert len(world.courses) == 400
    assert 1500 < len(world.tickets) < 2200
    assert 20_000 < len(world.usage) < 150_000
    assert Counter(a.kind for a in world.survey_answers).keys() == {"nps", "csat", "ces"}
    assert {s.currency for s in world.subscriptions} == {"eur", "usd"}
    assert {s.interval for s in world.subscriptions} == {"month", "year"}
    discounts = {d.coupon_id for s in world.subscriptions for d in s.discounts}
    assert discounts == {c.id for c in world.coupons}


@pytest.mark.slow("builds a world")
def test_every_state_of_a_subscription_occurs(world: World) -> None:
    states = Counter(s.status for s in world.subscriptions)
    assert states.keys() == {"trialing", "active", "past_due", "unpaid", "paused", "canceled"}
    assert states["active"] > 180
    assert any(s.leaving and s.status == "active" for s in world.subscriptions), "scheduled"
    assert any(s.pause_behavior for s in world.subscriptions)
    ways = Counter(s.leaving.how for s in world.subscriptions if s.leaving)
    assert ways.keys() == {"trial_ended", "period_end", "at_once", "payment_failed"}


def test_some_accounts_come_back_and_some_have_two_subscriptions(world: World) -> None:
    spans = defaultdict(list)
    for s in world.subscriptions:
        spans[s.account_key].append((s.started_at, s.ended_at or world.now))
    pairs = [sorted(actual) for actual in spans.values() if len(actual) == 2]
    assert sum(second[0] > first[1] for first, second in pairs) >= 8
    assert sum(second[0] < first[1] for first, second in pairs) >= 2


def test_usage_fades_before_most_cancellations_and_dips_without(world: World) -> None:
    left = [c for c in world.courses if c.paying and c.last_day and c.last_day < world.today]
    faded = sum(c.fade_from is not None for c in left)
    assert len(left) >= 50
    assert 0.55 < faded / len(left) < 0.85
    assert sum(c.dip is not None and c.last_day is None for c in world.courses) >= 15


def test_fading_shows_in_the_usage(world: World) -> None:
    events: dict[str, Counter[date]] = defaultdict(Counter)
    for row in world.usage:
        events[row.account_key][row.day] += row.events
    drops = []
    for course in world.courses:
        start = course.fade_from
        if start is None or not (world.today - start).days > 45:
            continue
        before = _sum(events[course.account_key], start - timedelta(days=28), 28)
        after = _sum(events[course.account_key], start + timedelta(days=35), 28)
        if before > 100:
            drops.append(after / before)
    assert len(drops) >= 10
    assert sorted(drops)[len(drops) // 2] < 0.4


def test_unhappy_accounts_ask_more_and_score_lower(world: World) -> None:
    scores: dict[bool, list[int]] = {True: [], False: []}
    fading = {c.account_key: c.fade_from for c in world.courses}
    for answer in world.survey_answers:
        if answer.kind == "nps":
            start = fading[answer.account_key]
            scores[bool(start and answer.answered_at.date() >= start)].append(answer.score)
    assert _mean(scores[True]) < _mean(scores[False]) - 2


def test_the_data_has_the_blemishes_of_real_data(world: World) -> None:
    companies = world.companies
    domains = Counter(c.domain for c in companies if c.domain)
    assert sum(c.domain is None for c in companies) >= 10
    assert sum(times == 2 for times in domains.values()) >= 4
    assert sum(c.billing_email.endswith(("gmail.com", "gmx.de")) for c in companies) >= 10
    assert sum("stripe" in c.key_in for c in companies) < 400
    assert sum(bool(c.merged_numbers) for c in companies) >= 5
    assert any(c.archived_at for c in companies)
    assert any(c.stripe_deleted_at for c in companies)
    assert sum(c.is_test for c in companies) == 1
    assert any(len(p.emails) == 2 for p in world.people)
    assert any(not p.emails for p in world.people)


def test_item_versions_follow_each_other_without_a_gap(world: World) -> None:
    changes = 0
    for subscription in world.subscriptions:
        last: dict[str, ItemVersion] = {}
        for version in subscription.items:
            if version.item_id in last:
                changes += 1
                assert last[version.item_id].valid_to == version.valid_from
            last[version.item_id] = version
        assert {v.valid_to for v in last.values()} == {subscription.ended_at}
    assert changes > 300


def test_upgrades_downgrades_and_seat_changes_all_happen(world: World) -> None:
    prices = {p.id: p for p in world.prices}
    kinds: Counter[str] = Counter()
    for subscription in world.subscriptions:
        plan = [v for v in subscription.items if v.item_id.endswith("plan")]
        for old, new in pairwise(plan):
            if old.price_id == new.price_id:
                kinds[
                    "seats up" if (new.quantity or 0) > (old.quantity or 0) else "seats down"
                ] += 1
            else:
                dearer = (prices[new.price_id].unit_amount or 0) > (
                    prices[old.price_id].unit_amount or 0
                )
                kinds["plan up" if dearer else "plan down"] += 1
    assert min(kinds[k] for k in ("seats up", "seats down", "plan up", "plan down")) >= 10


def test_a_change_is_prorated_to_the_second(world: World) -> None:
    """Unused time back, remaining time charged: share of the period left × full amount."""
    prices = {p.id: p for p in world.prices}
    invoice = next(i for i in world.invoices if i.reason == "subscription_update")
    credit, charge = invoice.lines[:2]
    assert credit.start == charge.start == invoice.created_at
    left = Decimal((invoice.period_end - invoice.created_at) // timedelta(seconds=1))
    whole = Decimal((invoice.period_end - invoice.period_start) // timedelta(seconds=1))
    for line, sign in ((credit, -1), (charge, 1)):
        full = catalog.calculate_amount(prices[line.price_id], line.quantity)
        assert abs(line.amount - sign * full * left / whole) <= Decimal("0.5")


def test_each_period_has_one_line_per_licensed_item(world: World) -> None:
    prices = {p.id: p for p in world.prices}
    subscriptions = {s.id: s for s in world.subscriptions}
    for invoice in world.invoices:
        if invoice.reason != "subscription_cycle" or invoice.subscription_id is None:
            continue
        owner = subscriptions[invoice.subscription_id]
        current = {
            v.item_id
            for v in owner.items
            if v.valid_from <= invoice.created_at
            and (v.valid_to is None or invoice.created_at < v.valid_to)
            and not prices[v.price_id].metered
        }
        lines = [ln for ln in invoice.lines if ln.price_id and not prices[ln.price_id].metered]
        assert {ln.item_id for ln in lines} == current
        assert len(lines) == len(current)


def test_totals_are_sums_of_lines_and_credit_is_carried(world: World) -> None:
    balance: dict[str, int] = defaultdict(int)
    for invoice in world.invoices:
        off = sum(amount for line in invoice.lines for _, amount in line.discounts)
        assert invoice.total == sum(line.amount for line in invoice.lines) - off
        if invoice.subscription_id:
            assert invoice.starting_balance == balance[invoice.subscription_id]
            if invoice.status != "void":
                after = balance[invoice.subscription_id] + invoice.total
                balance[invoice.subscription_id] = min(0, after)


@pytest.mark.parametrize(("quantity", "cost"), [(10, 5000), (11, 4400), (50, 20000), (51, 15300)])
def test_volume_tiers_charge_every_unit_at_the_rate_reached(quantity: int, cost: int) -> None:
    tiers = (Tier(10, 500), Tier(50, 400), Tier(None, 300))
    price = Price("p", "prod", "eur", None, "month", get_midnight(date(2026, 1, 1)), tiers=tiers)
    assert catalog.calculate_amount(price, quantity) == cost


def test_months_clamp_to_their_last_day() -> None:
    assert add_months(get_midnight(date(2024, 1, 31)), 1) == get_midnight(date(2024, 2, 29))
    assert add_months(get_midnight(date(2025, 11, 30)), 3) == get_midnight(date(2026, 2, 28))


def _sum(days: Counter[date], first: date, count: int) -> int:
    return sum(days[first + timedelta(days=index)] for index in range(count))


def _mean(values: list[int]) -> float:
    return sum(values) / len(values)
