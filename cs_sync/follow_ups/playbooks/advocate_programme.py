"""An account recommended us more than once: invite it to the advocate programme."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import date_text, listed, paragraphs, standing
from cs_sync.health.wording import plain


class AdvocateSettings(PlaybookSettings):
    """Also how many referrals make an advocate."""

    referrals: int = Field(default=2, ge=1)


def propose(view: AccountView, settings: AdvocateSettings) -> Iterator[Proposal]:
    """One invitation per account, ever."""
    made, say = view.referrals, view.words
    if len(made) >= settings.referrals:
        told = [
            say(
                "advocate_programme.one",
                who=plain(one.referred, 80) or say("follow_up.somebody"),
                when=date_text(one.referred_at, view),
            )
            for one in made
        ]
        yield Proposal(
            occasion="advocate",
            since=made[0].referred_at,
            title=say("advocate_programme.title", account=plain(view.label, 80)),
            body=paragraphs(say("advocate_programme.told") + "\n" + listed(*told), standing(view)),
            kind="email",
            evidence=tuple(
                {"kind": "referral", "source": one.source, "source_id": one.source_id}
                for one in made
            ),
        )


ADVOCATE_PROGRAMME = Playbook(
    name="advocate_programme",
    title="Invite an advocate",
    description="An account with two referrals or more is invited to the advocate programme.",
    propose=propose,
    defaults=AdvocateSettings(priority="low", due_in=timedelta(days=14)),
)
