"""Follow-ups: the next action for each account, and its reason; pure."""

from typing import TYPE_CHECKING

from cs_sync_schemas.names import make_name_loader

if TYPE_CHECKING:
    from cs_sync.follow_ups.adoption import compute_popularity
    from cs_sync.follow_ups.assignment import OwnerFact, assign_drafts
    from cs_sync.follow_ups.brief import Point
    from cs_sync.follow_ups.company import CompanyView, Question
    from cs_sync.follow_ups.facts import PersonFact, RenewalFact
    from cs_sync.follow_ups.isolation import PlaybookFailures, isolate_playbook
    from cs_sync.follow_ups.lifecycle import (
        Decision,
        DecisionContext,
        StoredFollowUp,
        make_decision,
    )
    from cs_sync.follow_ups.plan import (
        COMPANY,
        FollowUpDraft,
        FollowUpPlan,
        Silence,
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
    "Silence",
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

if not TYPE_CHECKING:
    __getattr__ = make_name_loader(__name__, {
        "cs_sync.follow_ups.adoption": "compute_popularity",
        "cs_sync.follow_ups.assignment": "OwnerFact assign_drafts",
        "cs_sync.follow_ups.brief": "Point",
        "cs_sync.follow_ups.company": "CompanyView Question",
        "cs_sync.follow_ups.facts": "PersonFact RenewalFact",
        "cs_sync.follow_ups.isolation": "PlaybookFailures isolate_playbook",
        "cs_sync.follow_ups.lifecycle": "Decision DecisionContext StoredFollowUp make_decision",
        "cs_sync.follow_ups.plan": (
            "COMPANY FollowUpDraft FollowUpPlan Silence build_follow_up_key parse_playbook_name "
            "plan_follow_ups"
        ),
        "cs_sync.follow_ups.playbook": "Playbook Proposal",
        "cs_sync.follow_ups.playbooks": "PLAYBOOKS",
        "cs_sync.follow_ups.settings": "FollowUpSettings PlaybookSettings",
        "cs_sync.follow_ups.successors": "map_current_keys map_successors",
        "cs_sync.follow_ups.view": "AccountView MovementFact",
        "cs_sync.follow_ups.working_time": "WorkingTime",
    })  # fmt: skip
