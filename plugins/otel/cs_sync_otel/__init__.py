"""OpenTelemetry for cs-sync: an observer that exports events as traces and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Event


@hookimpl
def cs_sync_event(event: Event) -> None:
    """Pass an event to OpenTelemetry, which is loaded with the first one."""
    from cs_sync_otel.providers import flush_exports, get_observer

    get_observer()(event)
    if event.name == "run_ended":
        flush_exports()
