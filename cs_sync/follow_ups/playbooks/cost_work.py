"""Low ratio of lifetime value to retention cost: reduce the cost."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.company import CompanyView, Question
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings

RATIO = Question("ltv_crc", "quarter")


class CostSettings(PlaybookSettings):
    """Settings of the playbook: the lowest ratio of lifetime value to retention cost."""

    target: float = Field(default=3, gt=0)


def asks(_settings: CostSettings) -> Iterator[Question]:
    """Request the ratio of the last quarter.

    A single month varies too much.
    """
    yield RATIO


def propose(view: CompanyView, settings: CostSettings) -> Iterator[Proposal]:
    """Propose one follow-up per quarter below the target, for the worst currency."""
    low = [row for row in view.known(RATIO) if row["value"] < settings.target]
    if not low:
        return
    row = min(low, key=lambda candidate: (candidate["value"], candidate["currency"] or ""))
    say, day = view.words, row["period_start"]
    ratio, target = say.number(row["value"]), say.number(settings.target)
    yield Proposal(
        occasion=f"quarter from {day}",
        since=view.now,
        title=say("cost_work.title", ratio=ratio),
        body=say("cost_work.told", day=day, ratio=ratio, target=target),
        advice=(say("cost_work.do"),),
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
