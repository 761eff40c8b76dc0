"""What should be done next, for which account, and why: pure."""

from cs_sync.follow_ups.assigning import OwnerFact, assigned
from cs_sync.follow_ups.company import CompanyView, Question
from cs_sync.follow_ups.gaps import popularity
from cs_sync.follow_ups.guard import Failures, guarded
from cs_sync.follow_ups.lifecycle import Decision, Kept, Rules, decide
from cs_sync.follow_ups.plan import (
    COMPANY,
    FollowUpDraft,
    follow_up_key,
    plan_follow_ups,
    playbook_of,
)
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.settings import (
    FollowUpSettings,
    Mistake,
    PlaybookSettings,
    read_settings,
)
from cs_sync.follow_ups.view import AccountView, MovementFact
from cs_sync.follow_ups.working_time import WorkingTime

__all__ = [
    "COMPANY",
    "PLAYBOOKS",
    "AccountView",
    "CompanyView",
    "Decision",
    "Failures",
    "FollowUpDraft",
    "FollowUpSettings",
    "Kept",
    "Mistake",
    "MovementFact",
    "OwnerFact",
    "Playbook",
    "PlaybookSettings",
    "Proposal",
    "Question",
    "Rules",
    "WorkingTime",
    "assigned",
    "decide",
    "follow_up_key",
    "guarded",
    "plan_follow_ups",
    "playbook_of",
    "popularity",
    "read_settings",
]
