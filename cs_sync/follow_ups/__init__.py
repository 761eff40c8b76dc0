"""Follow-ups: the next action for each account, and its reason; pure."""

from cs_sync.follow_ups.adoption import compute_popularity
from cs_sync.follow_ups.assignment import OwnerFact, assign_drafts
from cs_sync.follow_ups.brief import Point
from cs_sync.follow_ups.company import CompanyView, Question
from cs_sync.follow_ups.facts import PersonFact, RenewalFact
from cs_sync.follow_ups.isolation import PlaybookFailures, isolate_playbook
from cs_sync.follow_ups.lifecycle import Decision, DecisionContext, StoredFollowUp, make_decision
from cs_sync.follow_ups.plan import (
    COMPANY,
    FollowUpDraft,
    FollowUpPlan,
    build_follow_up_key,
    parse_playbook_name,
    plan_follow_ups,
)
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.settings import FollowUpSettings, PlaybookSettings
from cs_sync.follow_ups.successors import map_current_keys, map_successors
from cs_sync.follow_ups.view import AccountView, MovementFact
from cs_sync.follow_ups.working_time import WorkingTime

__all__ = [
    "COMPANY",
    "PLAYBOOKS",
    "AccountView",
    "CompanyView",
    "Decision",
    "DecisionContext",
    "FollowUpDraft",
    "FollowUpPlan",
    "FollowUpSettings",
    "MovementFact",
    "OwnerFact",
    "PersonFact",
    "Playbook",
    "PlaybookFailures",
    "PlaybookSettings",
    "Point",
    "Proposal",
    "Question",
    "RenewalFact",
    "StoredFollowUp",
    "WorkingTime",
    "assign_drafts",
    "build_follow_up_key",
    "compute_popularity",
    "isolate_playbook",
    "make_decision",
    "map_current_keys",
    "map_successors",
    "parse_playbook_name",
    "plan_follow_ups",
]
