"""An account is stuck on a step of its onboarding: help with that step."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.gaps import open_steps, stuck_since
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import Duration, PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import date_text, instant_text, paragraphs, standing
from cs_sync.health.facts import StepFact
from cs_sync.health.wording import plain


class StepSettings(PlaybookSettings):
    """Also when an account counts as stuck, and for how long that is worth a follow-up."""

    stuck_after: Duration = Field(
        default=timedelta(days=7), description="Without progress, for steps without a due date."
    )
    max_age_days: int = Field(default=60, ge=1)


def propose(view: AccountView, settings: StepSettings) -> Iterator[Proposal]:
    """One follow-up per checklist, about the first step on which the account is stuck."""
    oldest = view.now - timedelta(days=settings.max_age_days)
    seen: set[str] = set()
    say, account = view.words, plain(view.label, 80)
    for step in open_steps(view):
        since = stuck_since(view, step, settings.stuck_after)
        if since is None or step.checklist in seen:
            continue
        seen.add(step.checklist)
        name, checklist = plain(step.step, 80), plain(step.checklist, 80)
        when = date_text(since, view)
        if since >= oldest:
            yield Proposal(
                occasion=_occasion(step),
                since=since,
                title=say("onboarding_step.title", account=account, step=name),
                body=paragraphs(
                    say("onboarding_step.told", step=name, checklist=checklist, when=when),
                    say("onboarding_step.do"),
                    standing(view),
                ),
                kind="call",
                evidence=({"kind": "onboarding_step", "source": step.source,
                           "source_id": step.source_id},),
            )  # fmt: skip


def resolved(view: AccountView, occasion: str, _settings: PlaybookSettings) -> str | None:
    """The step was done."""
    done = (step for step in view.steps if step.done_at and _occasion(step) == occasion)
    step = next(done, None)
    if step is None or step.done_at is None:
        return None
    return view.words("onboarding_step.done", when=instant_text(step.done_at, view))


def _occasion(step: StepFact) -> str:
    return f"{step.checklist}: {step.step}"


ONBOARDING_STEP = Playbook(
    name="onboarding_step",
    title="Help with an onboarding step",
    description="An account that is stuck on a required step of its onboarding is helped with it.",
    propose=propose,
    defaults=StepSettings(),
    resolved=resolved,
)
