"""Events for observers during a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

EventName = Literal[
    "run_started",
    "run_ended",
    "stream_started",
    "page_stored",
    "stream_ended",
    "waiting",
    "retrying",
    "step_started",
    "step_ended",
    "write_done",
    "warning",
]


@dataclass(frozen=True, slots=True)
class Event:
    """An event; `detail` holds counts, seconds and messages, never a secret."""

    name: EventName
    at: datetime
    source: str = ""
    stream: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
