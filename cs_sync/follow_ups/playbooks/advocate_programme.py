"""Account with several referrals: invite it to the advocate programme."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.conditions import NO_FAVOURS
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_date, format_list, list_advice
from cs_sync.health.wording import to_plain_line


class AdvocateSettings(PlaybookSettings):
    """Settings of the invitation: the number of referrals of an advocate."""

    referrals: int = Field(default=2, ge=1)


def propose(view: AccountView, settings: AdvocateSettings) -> Iterator[Proposal]:
    """Propose one invitation per account, ever."""
    made, say = view.referrals, view.words
    if len(made) >= settings.referrals:
        lines = [
            say(
                "advocate_programme.one",
                who=to_plain_line(referral.referred, 80) or say("follow_up.somebody"),
                when=format_date(referral.referred_at, view),
            )
            for referral in made
        ]
        yield Proposal(
            occasion="advocate",
            since=made[0].referred_at,
            title=build_title(view, "advocate_programme.title"),
            body=f"{say('advocate_programme.why')}\n{format_list(*lines)}",
            advice=list_advice(view, "advocate_programme.say"),
            kind="email",
            evidence=tuple(
                {"kind": "referral", "source": referral.source, "source_id": referral.source_id}
                for referral in made
            ),
            audience="decider",
        )


ADVOCATE_PROGRAMME = Playbook(
    name="advocate_programme",
    title="Invite an advocate",
    description="An account with two referrals or more is invited to the advocate programme.",
    propose=propose,
    defaults=AdvocateSettings(priority="low", due_in=timedelta(days=14)),
    unless=NO_FAVOURS,
)
