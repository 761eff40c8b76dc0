"""OpenTelemetry for cs-sync: an observer that exports events as traces and metrics."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from cs_sync import hookimpl

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from cs_sync import Event


@hookimpl
def cs_sync_event(event: Event) -> None:
    """Pass an event to OpenTelemetry, which is loaded with the first one."""
    if not is_set_up(os.environ, sys.modules):
        return
    from cs_sync_otel.providers import flush_exports, get_observer

    get_observer()(event)
    if event.name == "run_ended":
        flush_exports()


def is_set_up(environment: Iterable[str], modules: Container[str]) -> bool:
    """Return whether the environment or the process may have set OpenTelemetry up.

    Otherwise it would discard everything, and it takes an eighth of a second to load.
    """
    return "opentelemetry" in modules or any(name.startswith("OTEL_") for name in environment)
