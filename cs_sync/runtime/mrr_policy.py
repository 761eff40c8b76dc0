"""The MRR policy of a workspace."""

from datetime import timedelta

from cs_sync.contracts.errors import ConfigError
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.runtime.workspace import Workspace


def get_mrr_policy(workspace: Workspace, name: str | None = None) -> MrrPolicy:
    """Return the configured MRR policy, or a preset, in the reporting zone.

    Args:
        workspace: The workspace.
        name: A preset; None for the configured policy with its overrides.

    Raises:
        ConfigError: There is no such preset.
    """
    settings, zone = workspace.config.metrics, str(workspace.config.workspace.timezone)
    if name is None or name == settings.policy:
        span = settings.switch_within
        within = {} if span is None else {"switch_within_hours": span / timedelta(hours=1)}
        given = {"zone": zone, **within, **settings.policy_overrides}
        return MrrPolicy.preset(settings.policy, **given)
    try:
        return MrrPolicy.preset(name, zone=zone)
    except ValueError as error:
        raise ConfigError(str(error), "choose one of them with --policy") from error
