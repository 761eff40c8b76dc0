"""The `[playbooks.NAME]` tables: the settings of every playbook, and their problems."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cs_sync.config.problems import Problem, convert_validation_error, suggest_nearest
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.plugins import PluginRegistry

if TYPE_CHECKING:
    from cs_sync.follow_ups.playbook import Playbook


class PlaybookTables(Mapping[str, PlaybookSettings]):
    """Settings of every playbook by name; without tables they are read on first use.

    Args:
        tables: The `playbooks` table of the file.
        plugins: The plugins, which bring playbooks, too.
        assigned: Whether all follow-ups have a default assignee.
    """

    def __init__(
        self, tables: Mapping[str, Any], plugins: PluginRegistry, *, assigned: bool
    ) -> None:
        self._tables, self._plugins, self._assigned = tables, plugins, assigned

    def __iter__(self) -> Iterator[str]:
        return iter(self._read[0])

    def __len__(self) -> int:
        return len(self._read[0])

    def __getitem__(self, name: str) -> PlaybookSettings:
        return self._read[0][name]

    def problems(self) -> list[Problem]:
        """Return the problems of the tables."""
        return self._read[1] if self._tables else []

    @cached_property
    def _read(self) -> tuple[dict[str, PlaybookSettings], list[Problem]]:
        from cs_sync.follow_ups.playbooks import PLAYBOOKS

        playbooks = {**PLAYBOOKS, **self._plugins.playbooks}
        return read_playbook_settings(self._tables, playbooks, assigned=self._assigned)


def read_playbook_settings(
    tables: Mapping[str, Any], playbooks: "Mapping[str, Playbook]", *, assigned: bool = True
) -> tuple[dict[str, PlaybookSettings], list[Problem]]:
    """Read the settings of every playbook, and all problems in the tables.

    Args:
        tables: The `playbooks` table of the file.
        playbooks: Every playbook by name.
        assigned: Whether all follow-ups have a default assignee; without one, a configured
            company-wide playbook needs its own.
    """
    problems = [
        Problem(f"playbooks.{name}", "there is no such playbook", suggest_nearest(name, playbooks))
        for name in tables
        if name not in playbooks
    ]
    settings = {}
    for name, playbook in playbooks.items():
        try:
            settings[name] = parsed = _parse_table(tables.get(name, {}), playbook.defaults)
        except ValidationError as error:
            model = type(playbook.defaults)
            problems += convert_validation_error(
                error, model, f"playbooks.{name}", tables.get(name)
            )
            continue
        except TypeError:
            problems.append(
                Problem(f"playbooks.{name}", "must be a table", f"write it as [playbooks.{name}]")
            )
            continue
        unassigned = parsed.enabled and parsed.assignee is None and not assigned
        if name in tables and playbook.scope == "company" and unassigned:
            problems.append(_report_missing_assignee(name))
    return settings, problems


def _parse_table(table: Any, defaults: PlaybookSettings) -> PlaybookSettings:
    """Return a playbook's settings; a table that is none is a TypeError."""
    if not isinstance(table, Mapping):
        raise TypeError
    if not table:
        return defaults
    return type(defaults).model_validate({**defaults.model_dump(), **table})


def _report_missing_assignee(name: str) -> Problem:
    return Problem(
        f"playbooks.{name}.assignee",
        "is missing: these follow-ups belong to no account, and so to no owner",
        f'add assignee = "name@example.com" to [playbooks.{name}] or to [follow_ups]',
    )
