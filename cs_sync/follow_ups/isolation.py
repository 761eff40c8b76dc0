"""Isolation of plugin playbooks: a failure is recorded, and the others continue."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from msgspec import Struct, field

from cs_sync.follow_ups.company import Question
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.view import AccountView


class PlaybookFailures(Struct):
    """The errors of each playbook, in the order of their first error."""

    of: dict[str, list[Exception]] = field(default_factory=dict)

    def record_failure(self, playbook: str, error: Exception) -> None:
        """Record an error of a playbook."""
        self.of.setdefault(playbook, []).append(error)

    def describe(self) -> Iterator[str]:
        """Yield one message per playbook."""
        for name, errors in self.of.items():
            first = f"{type(errors[0]).__name__}: {errors[0]}"
            times = "" if len(errors) == 1 else f", and {len(errors) - 1} times more"
            message = f"playbook {name} failed: {first}{times}"
            yield f"{message}\n  → change its plugin, or set [playbooks.{name}] enabled = false"


def isolate_playbook(playbook: Playbook, failures: PlaybookFailures) -> Playbook:
    """Wrap a playbook so that its errors are recorded.

    It then proposes nothing.

    Args:
        playbook: The playbook of a plugin.
        failures: Collects the errors.
    """

    def propose(view: Any, settings: Any) -> Iterable[Proposal]:
        try:
            return list(playbook.propose(view, settings))
        except Exception as error:  # noqa: BLE001 - a plugin may fail in any way
            failures.record_failure(playbook.name, error)
            return ()

    def resolved(view: AccountView, occasion: str, settings: Any) -> str | None:
        try:
            return playbook.resolved(view, occasion, settings) if playbook.resolved else None
        except Exception as error:  # noqa: BLE001
            failures.record_failure(playbook.name, error)
            return None

    def asks(settings: Any) -> Iterable[Question]:
        try:
            return list(playbook.asks(settings))
        except Exception as error:  # noqa: BLE001
            failures.record_failure(playbook.name, error)
            return ()

    return replace(playbook, propose=propose, resolved=resolved, asks=asks)
