"""MRR from Stripe's answers against what Acme's accounts really paid, in every one of 24 months.

Stripe shows what subscriptions are now; what they were is rebuilt from their invoices. Every
account that differs is named here, with the reason why no invoice could have told. And what we
believe ties to the invoices, month by month.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from cs_sync.runtime.workspace import Workspace
from cs_sync_sandbox import Sandbox, World, build_world
from cs_sync_sandbox.world.truth import calculate_mrr
from cs_sync_schemas.times import count_microseconds
from tests.jobs.conftest import acme_in
from tests.jobs.road import DAY, Acme

pytestmark = pytest.mark.slow("reads 24 months of all of Acme")

Differences = dict[str, dict[datetime, tuple[int, Fraction]]]

BEGAN_WITHIN_A_YEAR = {"acct_0058", "acct_0251"}
"""15.00 off for three months between two invoices of a yearly plan: it comes off none, so it does
not count; Acme's books count it while it runs."""
COUNTED_FOR_A_YEAR = {"acct_0094", "acct_0298"}
"""20 % off for six months on a yearly invoice: it counts for the whole year that was paid with it;
Acme's books count it while it runs."""
PAUSED = {"acct_0075", "acct_0147", "acct_0164", "acct_0324"}
"""Collection is paused: nothing is owed, so the default policy counts nothing; Acme's books do."""
PAID_LATE = {"acct_0127", "acct_0191"}
"""The first payment after a trial came some days late, over a month's end: our default counts
from it on; Acme's books count from the trial's end."""
UNPAID = {"acct_0363"}
"""Acme's books count who is unpaid now as unpaid from the start; it paid its invoices before."""


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(7, DAY)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """A workspace that has read all of Acme's Stripe, and nothing else."""
    with (
        Sandbox(seed=7, today=DAY, limits=False) as box,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(Workspace, "_sleep", lambda _workspace, _seconds: None)
        made = acme_in(tmp_path_factory.mktemp("true"), box)
        made.connect("stripe")
        assert made.run("sync").code == 0
    return made


@pytest.fixture(scope="module")
def differences(world: World, place: Acme) -> Differences:
    """Account → instant → (ours, true), wherever they differ by more than rounding."""
    actual: Differences = defaultdict(dict)
    for at in instants(world):
        ours, true = computed(place, world, at), calculate_mrr(world, at)
        for account in ours.keys() | true.keys():
            pair = ours.get(account, 0), true.get(account, Fraction())
            if abs(pair[0] - pair[1]) > Fraction(1, 2):
                actual[account][at] = pair
    return actual


def instants(world: World) -> list[datetime]:
    months = [(2024 + n // 12, n % 12 + 1) for n in range(11, 35)]
    return [*(datetime(year, month, 1, tzinfo=UTC) for year, month in months), world.now]


def computed(place: Acme, world: World, at: datetime) -> dict[str, int]:
    """Account key → minor units, from the spans that we believe in now."""
    keys = {subscription.id: subscription.account_key for subscription in world.subscriptions}
    moment = count_microseconds(at)
    spans = place.select(
        "SELECT parts FROM mrr_span WHERE known_to IS NULL"
        " AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)",
        moment,
        moment,
    )
    actual: dict[str, int] = defaultdict(int)
    for span in spans:
        for part in json.loads(span["parts"]):
            actual[keys[part["subscription"]]] += part["amount"]
    return actual


def test_every_account_is_right_but_those_that_no_invoice_tells_of(
    differences: Differences,
) -> None:
    assert differences.keys() == (
        BEGAN_WITHIN_A_YEAR | COUNTED_FOR_A_YEAR | PAID_LATE | PAUSED | UNPAID
    )


def test_a_discount_on_a_year_counts_as_the_year_was_invoiced(
    differences: Differences, world: World
) -> None:
    for account in BEGAN_WITHIN_A_YEAR | COUNTED_FOR_A_YEAR:
        (discount,) = (
            d for s in world.subscriptions if s.account_key == account for d in s.discounts
        )
        assert discount.end is not None
        counted = account in COUNTED_FOR_A_YEAR
        for at, (ours, true) in differences[account].items():
            assert (at >= discount.end) if counted else (discount.start <= at < discount.end)
            expected = -true / 5 if counted else Fraction(15_00, 12)
            assert ours - true == pytest.approx(expected, abs=1)


def test_paused_and_unpaid_are_a_matter_of_policy(differences: Differences, world: World) -> None:
    by_key = {s.account_key: s for s in world.subscriptions if s.pause_behavior}
    assert by_key.keys() & differences.keys() == PAUSED
    for account in PAUSED:
        assert {ours for ours, _ in differences[account].values()} == {0}
    assert {s.account_key for s in world.subscriptions if s.status == "unpaid"} >= UNPAID
    for account in UNPAID:
        assert {true for _, true in differences[account].values()} == {0}
        assert world.now not in differences[account]


def test_every_month_ties_to_its_invoices_or_is_explained(place: Acme) -> None:
    for month in [f"2025-{m:02}" for m in range(1, 13)] + [f"2026-{m:02}" for m in range(1, 11)]:
        rows = place.json("reconcile", "--month", month)
        assert [row for row in rows if row["unexplained"]] == []
    assert all(row["tied"] > 0.98 * row["mrr"] for row in rows if row["account"] is None)
