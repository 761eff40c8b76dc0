"""The built-in playbooks; plugins add theirs with `cs_sync_playbooks`."""

from cs_sync.follow_ups.playbook import Playbook
from cs_sync.follow_ups.playbooks.account_review import ACCOUNT_REVIEW
from cs_sync.follow_ups.playbooks.advocate_programme import ADVOCATE_PROGRAMME
from cs_sync.follow_ups.playbooks.cancellation_call import CANCELLATION_CALL
from cs_sync.follow_ups.playbooks.champion_quiet import CHAMPION_QUIET
from cs_sync.follow_ups.playbooks.contraction_contact import CONTRACTION_CONTACT
from cs_sync.follow_ups.playbooks.cost_work import COST_WORK
from cs_sync.follow_ups.playbooks.csat_drop import CSAT_DROP
from cs_sync.follow_ups.playbooks.detractor_call import DETRACTOR_CALL
from cs_sync.follow_ups.playbooks.exit_surveys import EXIT_SURVEYS
from cs_sync.follow_ups.playbooks.failed_payment import FAILED_PAYMENT
from cs_sync.follow_ups.playbooks.knowledge_gap import KNOWLEDGE_GAP
from cs_sync.follow_ups.playbooks.likely_buyer import LIKELY_BUYER
from cs_sync.follow_ups.playbooks.likely_leaving import LIKELY_LEAVING
from cs_sync.follow_ups.playbooks.no_contact import NO_CONTACT
from cs_sync.follow_ups.playbooks.onboarding_step import ONBOARDING_STEP
from cs_sync.follow_ups.playbooks.passive_value import PASSIVE_VALUE
from cs_sync.follow_ups.playbooks.power_user_expansion import POWER_USER_EXPANSION
from cs_sync.follow_ups.playbooks.promoter_referral import PROMOTER_REFERRAL
from cs_sync.follow_ups.playbooks.renewal_ahead import RENEWAL_AHEAD
from cs_sync.follow_ups.playbooks.satisfaction_drop import SATISFACTION_DROP
from cs_sync.follow_ups.playbooks.segment_shift import SEGMENT_SHIFT
from cs_sync.follow_ups.playbooks.topic_call import TOPIC_CALL
from cs_sync.follow_ups.playbooks.unpaid_invoice import UNPAID_INVOICE
from cs_sync.follow_ups.playbooks.unused_warning import UNUSED_WARNING

_ALL = (
    DETRACTOR_CALL,
    PASSIVE_VALUE,
    PROMOTER_REFERRAL,
    SATISFACTION_DROP,
    CSAT_DROP,
    ACCOUNT_REVIEW,
    KNOWLEDGE_GAP,
    POWER_USER_EXPANSION,
    TOPIC_CALL,
    CONTRACTION_CONTACT,
    CANCELLATION_CALL,
    UNPAID_INVOICE,
    FAILED_PAYMENT,
    RENEWAL_AHEAD,
    ONBOARDING_STEP,
    UNUSED_WARNING,
    LIKELY_LEAVING,
    CHAMPION_QUIET,
    NO_CONTACT,
    LIKELY_BUYER,
    ADVOCATE_PROGRAMME,
    EXIT_SURVEYS,
    COST_WORK,
    SEGMENT_SHIFT,
)

PLAYBOOKS: dict[str, Playbook] = {playbook.name: playbook for playbook in _ALL}
