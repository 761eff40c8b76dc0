"""Churn rate above its target: survey the leaving customers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from cs_sync.follow_ups.company import CompanyView, Question
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.settings import Settings

RATE = "customer_churn_rate"


class Target(Settings):
    """A churn rate with its period; one needs the other."""

    rate: float = Field(gt=0, lt=1)
    per: Literal["month", "quarter", "year"]


class ChurnSettings(PlaybookSettings):
    """Settings of the surveys: the highest accepted churn rate.

    Written `target = {rate = 0.05, per = "month"}`.
    """

    target: Target = Target(rate=0.05, per="month")


def asks(settings: ChurnSettings) -> Iterator[Question]:
    """Request the churn rate of the target's period."""
    yield Question(RATE, settings.target.per)


def propose(view: CompanyView, settings: ChurnSettings) -> Iterator[Proposal]:
    """Propose one follow-up per period above the target."""
    target, say = settings.target, view.words
    for row in view.known(Question(RATE, target.per)):
        if row["value"] <= target.rate:
            continue
        summary = say(
            f"exit_surveys.told_{target.per}",
            left=say.number(row["numerator"]),
            all=say.number(row["denominator"]),
            day=row["period_start"],
            target=say.percent(target.rate, 1),
        )
        yield Proposal(
            occasion=f"{target.per} from {row['period_start']}",
            since=view.now,
            title=say(f"exit_surveys.title_{target.per}", rate=say.percent(row["value"], 1)),
            body=summary,
            advice=(say("exit_surveys.do"),),
            evidence=({"kind": "kpi", "metric": RATE, "value": row["value"]},),
        )


EXIT_SURVEYS = Playbook(
    name="exit_surveys",
    title="Ask why customers leave",
    description="A churn rate above its target leads to surveys of the customers who leave.",
    propose=propose,
    defaults=ChurnSettings(due_in=timedelta(days=7)),
    scope="company",
    asks=asks,
)
