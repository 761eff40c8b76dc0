"""Sections of the configuration that connectors propose from a folder."""

from pathlib import Path
from zoneinfo import ZoneInfo

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.source import SectionProposal, SupportsFolders, WorkspaceInfo
from cs_sync.plugins import PluginRegistry
from cs_sync.plugins.distributions import how_to_install


def propose_sections(
    plugins: PluginRegistry, folder: Path, base: Path, timezone: str, currency: str
) -> dict[str, SectionProposal]:
    """Return what connectors propose for a folder, by connector.

    Args:
        plugins: The installed plugins.
        folder: The folder to look at.
        base: The folder of the configuration.
        timezone: The reporting zone.
        currency: The reporting currency.

    Raises:
        ConfigError: No installed connector reads folders, or the folder holds nothing known.
    """
    workspace = WorkspaceInfo(timezone=ZoneInfo(timezone), currency=currency, folder=base)
    sources: dict[str, object] = {**plugins.sources}
    proposals = {
        name: source.propose_section(folder, workspace.model_copy(update={"section": name}))
        for name, source in sources.items()
        if isinstance(source, SupportsFolders)
    }
    if not proposals:
        raise ConfigError("no installed connector reads folders", how_to_install("files"))
    return proposals
