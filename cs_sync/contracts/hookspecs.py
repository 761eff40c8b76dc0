"""Hook specifications of cs-sync (pluggy project and entry-point group `cs_sync`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:  # a plugin's entry module marks its hooks without loading all this
    from collections.abc import Mapping

    import typer

    from cs_sync.contracts.destination import Destination
    from cs_sync.contracts.events import Event
    from cs_sync.contracts.source import Source
    from cs_sync.follow_ups.playbook import Playbook
    from cs_sync.health.signals.registry import Signal
    from cs_sync.metrics.metric import Metric
    from cs_sync_schemas import SourceAccount

PROJECT = "cs_sync"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs(Protocol):
    """The hooks; implement any as a module-level function marked with `cs_sync.hookimpl`."""

    @hookspec
    def cs_sync_sources(self) -> list[type[Source]]:
        """Return connectors that read."""
        ...

    @hookspec
    def cs_sync_destinations(self) -> list[type[Destination]]:
        """Return connectors that write."""
        ...

    @hookspec
    def cs_sync_metrics(self) -> list[Metric]:
        """Return additional metrics; an existing name is refused."""
        ...

    @hookspec
    def cs_sync_playbooks(self) -> list[Playbook]:
        """Return additional playbooks; an existing name is refused."""
        ...

    @hookspec
    def cs_sync_signals(self) -> list[Signal]:
        """Return additional health signals; an existing name is refused."""
        ...

    @hookspec(firstresult=True)
    def cs_sync_match(self, record: SourceAccount) -> str | None:
        """Return the id of the account that a record belongs to.

        It overrides the matching rules; None leaves the record to them.
        """
        ...

    @hookspec(firstresult=True)
    def cs_sync_secret(self, scheme: str, reference: str) -> str | None:
        """Return the secret for `scheme:reference`, for your vault's schemes.

        None for other schemes.
        """
        ...

    @hookspec
    def cs_sync_event(self, event: Event, settings: Mapping[str, Any]) -> None:
        """Observe progress, waits and results; called from several threads.

        `settings` are the plugin's own, `[plugins.NAME]` of the configuration; leave the parameter
        out if there are none.
        """
        ...

    @hookspec
    def cs_sync_commands(self, app: typer.Typer) -> None:
        """Add commands to the command line."""
        ...
