"""Keeping a customer costs too much of what the customer is worth: work on the cost."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.company import CompanyView, Question
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings

RATIO = Question("ltv_crc", "quarter")


class CostSettings(PlaybookSettings):
    """Also the lowest ratio of lifetime value to the cost of keeping a customer."""

    target: float = Field(default=3, gt=0)


def asks(_settings: CostSettings) -> Iterator[Question]:
    """The ratio of the last quarter: of a single month it jumps."""
    yield RATIO


def propose(view: CompanyView, settings: CostSettings) -> Iterator[Proposal]:
    """One follow-up per quarter below the target, in whichever currency it is worst."""
    low = [row for row in view.known(RATIO) if row["value"] < settings.target]
    if not low:
        return
    row = min(low, key=lambda found: (found["value"], found["currency"] or ""))
    yield Proposal(
        occasion=f"quarter from {row['period_start']}",
        since=view.now,
        title=f"Lower what it costs to keep a customer: LTV is {row['value']:.1f} times as much",
        body=(
            f"In the quarter from {row['period_start']} a customer's lifetime value was"
            f" {row['value']:.1f} times the cost of keeping them; the target is"
            f" {settings.target:g}.\n\nLook for what customers could do themselves with a better"
            " knowledge base, and where people's time changes nothing."
        ),
        evidence=({"kind": "kpi", "metric": RATIO.metric, "value": row["value"]},),
    )


COST_WORK = Playbook(
    name="cost_work",
    title="Work on the cost of retention",
    description="A low ratio of lifetime value to retention cost leads to work on the cost.",
    propose=propose,
    defaults=CostSettings(priority="low", due_in=timedelta(days=14)),
    scope="company",
    asks=asks,
)
