"""Account stuck on an onboarding step: help with that step."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.adoption import get_stuck_since, list_open_steps
from cs_sync.follow_ups.conditions import is_ending
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import Duration, PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_date, format_instant, list_advice
from cs_sync.health.facts import StepFact
from cs_sync.health.wording import to_plain_line


class StepSettings(PlaybookSettings):
    """Settings of the playbook: when an account is stuck, and the maximum age of that."""

    stuck_after: Duration = Field(
        default=timedelta(days=7), description="Without progress, for steps without a due date."
    )
    max_age_days: int = Field(default=60, ge=1)


def propose(view: AccountView, settings: StepSettings) -> Iterator[Proposal]:
    """Propose one follow-up per checklist, for the first step stuck on."""
    oldest = view.now - timedelta(days=settings.max_age_days)
    proposed: set[str] = set()
    for step in list_open_steps(view):
        since = get_stuck_since(view, step, settings.stuck_after)
        if since is None or step.checklist in proposed:
            continue
        proposed.add(step.checklist)
        name, checklist = to_plain_line(step.step, 80), to_plain_line(step.checklist, 80)
        when = format_date(since, view)
        if since >= oldest:
            yield Proposal(
                occasion=_name_occasion(step),
                since=since,
                ongoing=True,
                title=build_title(view, "onboarding_step.title", step=to_plain_line(name, 28)),
                body=view.words("onboarding_step.why", step=name, checklist=checklist, when=when),
                advice=list_advice(view, "onboarding_step.say", step=name),
                kind="call",
                evidence=({"kind": "onboarding_step", "source": step.source,
                           "source_id": step.source_id},),
                stake=view.monthly,
            )  # fmt: skip


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """Return a reason once the step is done."""
    done = (step for step in view.steps if step.done_at and _name_occasion(step) == occasion)
    step = next(done, None)
    if step is None or step.done_at is None:
        return None
    return view.words("onboarding_step.done", when=format_instant(step.done_at, view))


def _name_occasion(step: StepFact) -> str:
    return f"{step.checklist}: {step.step}"


ONBOARDING_STEP = Playbook(
    name="onboarding_step",
    title="Help with an onboarding step",
    description="An account that is stuck on a required step of its onboarding is helped with it.",
    propose=propose,
    defaults=StepSettings(),
    resolved=resolved,
    unless=(is_ending,),
)
