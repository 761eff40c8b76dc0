"""OpenTelemetry for cs-sync: an observer that turns its events into traces and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from cs_sync import Event


@hookimpl
def cs_sync_event(event: Event) -> None:
    """Pass an event on to OpenTelemetry, which is loaded with the first one."""
    from cs_sync_otel.providers import observer

    observer()(event)
