"""The playbooks that cs-sync brings along; plugins add theirs with `cs_sync_playbooks`."""

from cs_sync.follow_ups.playbook import Playbook
from cs_sync.follow_ups.playbooks.account_review import ACCOUNT_REVIEW
from cs_sync.follow_ups.playbooks.contraction_contact import CONTRACTION_CONTACT
from cs_sync.follow_ups.playbooks.detractor_call import DETRACTOR_CALL

PLAYBOOKS: dict[str, Playbook] = {
    playbook.name: playbook for playbook in (DETRACTOR_CALL, ACCOUNT_REVIEW, CONTRACTION_CONTACT)
}
