"""What should be done next, for which account, and why: pure."""

from cs_sync.follow_ups.plan import FollowUpDraft, follow_up_key, plan_follow_ups
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.settings import Mistake, PlaybookSettings, read_settings
from cs_sync.follow_ups.view import AccountView, MovementFact

__all__ = [
    "PLAYBOOKS",
    "AccountView",
    "FollowUpDraft",
    "Mistake",
    "MovementFact",
    "Playbook",
    "PlaybookSettings",
    "Proposal",
    "follow_up_key",
    "plan_follow_ups",
    "read_settings",
]
