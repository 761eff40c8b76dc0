"""Whatever happened to an item, its invoices tell it: rebuilt history equals true history."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, LineFact
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import add_interval
from tests.metrics.mrr.facts_of import at, facts, item, line, sub

PLANS = {"basic": 900, "team": 2500, "pro": 4900}
POLICY = MrrPolicy(switch_netting="none")
NOW = at(2026, 9)
Step = tuple[datetime, str, int]


@st.composite
def lives(draw: st.DrawFn) -> list[Step]:
    """When an item was on which plan with how many seats; neighbours differ."""
    hours = sorted(draw(st.sets(st.integers(1, 5000), max_size=6)))
    moments = [at(2026, 1), *(at(2026, 1) + timedelta(hours=h) for h in hours)]
    steps: list[Step] = []
    for moment in moments:
        step = (moment, draw(st.sampled_from(sorted(PLANS))), draw(st.integers(1, 9)))
        if not steps or steps[-1][1:] != step[1:]:
            steps.append(step)
    return steps


def version(step: Step, until: datetime | None) -> ItemFact:
    moment, plan, seats = step
    return item(
        amount=PLANS[plan], quantity=seats, product=plan, price=plan, valid_from=moment,
        valid_to=until, changed_at=NOW,
    )  # fmt: skip


def billed(steps: list[Step]) -> list[LineFact]:
    """A line per month for what holds when it begins, and a pair of lines for every change."""
    lines: list[LineFact] = []

    def add(start: datetime, end: datetime, step: Step, share: float) -> None:
        _, plan, seats = step
        amount = round(PLANS[plan] * seats * share)
        lines.append(
            line(
                f"{len(lines):03}", (start, end), amount, seats, price=plan, product=plan,
                unit_amount=Decimal(PLANS[plan]), is_proration=share != 1,
            )
        )  # fmt: skip

    start = at(2026, 1)
    while start < NOW:
        end = add_interval(start, "month", 1)
        add(start, end, [s for s in steps if s[0] <= start][-1], 1)
        for old, new in pairwise(steps):
            if start < new[0] < end:
                share = (end - new[0]) / (end - start)
                add(new[0], end, old, -share)
                add(new[0], end, new, share)
        start = end
    return lines


@given(lives(), st.integers(0, 1000))
def test_history_is_rebuilt_from_invoices(steps: list[Step], seed: int) -> None:
    ends = [*(step[0] for step in steps[1:]), None]
    stated = [version(step, end) for step, end in zip(steps, ends, strict=True)]
    present = version((steps[0][0], *steps[-1][1:]), None)
    lines = billed(steps)
    mixed = Random(seed).sample(lines, len(lines))
    true = facts(sub(), *stated)
    shown = facts(sub(), present, *mixed)
    assert moves(shown) == moves(true)


def moves(book: BillingFacts) -> list[tuple[datetime, str, int, str]]:
    return [
        (m.at, m.kind, m.amount, m.cause) for m in calculate_account_mrr(book, POLICY).movements
    ]
