"""The playbooks of a workspace."""

from cs_sync.follow_ups.playbook import Playbook
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.runtime.workspace import Workspace


def get_playbooks(workspace: Workspace) -> dict[str, Playbook]:
    """Return the built-in playbooks and those of plugins, by name."""
    return {**PLAYBOOKS, **workspace.plugins.playbooks}
