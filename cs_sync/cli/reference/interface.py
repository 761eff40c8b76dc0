"""The page of hooks, errors and exit codes."""

import inspect
from collections.abc import Iterator

from cs_sync.cli.reference.tables import render_table
from cs_sync.contracts.errors import CsSyncError
from cs_sync.contracts.hookspecs import PROJECT, HookSpecs

_INTRODUCTION = """\
# Hooks, errors, exit codes

This page is written from the code. [Connectors](../connectors.md) says how to write a plugin.

## Hooks

A plugin is a distribution with an entry point in the group `cs_sync`. Its module implements any of
these as functions marked with `cs_sync.hookimpl`.
"""
GUIDES = {
    "cs_sync_sources": "connectors.md",
    "cs_sync_destinations": "plugins/destinations.md",
    "cs_sync_metrics": "plugins/metrics.md",
    "cs_sync_signals": "plugins/signals.md",
    "cs_sync_playbooks": "plugins/playbooks.md",
    "cs_sync_match": "plugins/matching.md",
    "cs_sync_secret": "plugins/secrets.md",
    "cs_sync_event": "plugins/events.md",
    "cs_sync_commands": "plugins/commands.md",
}
"""Hook → the page that shows how to write it, with an example that a test runs."""
_EXIT_CODES = """\
## Exit codes

| code | meaning | what to do |
| --- | --- | --- |
| 0 | all is well | nothing |
| 1 | failed | read the message; its second line is the remedy |
| 2 | the configuration or the command is wrong | correct it; nothing was done |
| 3 | partial: something is missing, the rest went on | `cs-sync runs` and `cs-sync rejects list` |
| 130 | stopped by SIGTERM or Ctrl-C | run again; it resumes |

SIGTERM ends what runs until stopped (`schedule`, `workers start`, `mcp`) with 0.

## Errors
"""


def render_interface() -> str:
    """Return the page as Markdown."""
    return "\n".join([_INTRODUCTION, *_render_hooks(), _EXIT_CODES, *_render_errors()])


def _render_hooks() -> Iterator[str]:
    for name, hook in vars(HookSpecs).items():
        if name.startswith(f"{PROJECT}_"):
            yield f"### `{name}`\n"
            yield f"```python\n@cs_sync.hookimpl\ndef {name}{_write_signature(hook)}: ...\n```\n"
            yield f"{inspect.cleandoc(hook.__doc__ or '')}\n"
            yield f"How to: [{GUIDES[name]}](../{GUIDES[name]}).\n"


def _write_signature(hook: object) -> str:
    signature = inspect.signature(hook)  # type: ignore[arg-type]
    given = [each for each in signature.parameters.values() if each.name != "self"]
    parameters = ", ".join(f"{each.name}: {each.annotation}" for each in given)
    return f"({parameters}) -> {signature.return_annotation}"


def _render_errors() -> Iterator[str]:
    rows = (
        (f"`{error.__name__}`", str(error.exit_code), inspect.getdoc(error) or "")
        for error in _list_errors(CsSyncError)
    )
    yield from render_table(("error", "exit code", "meaning"), rows)


def _list_errors(error: type[CsSyncError]) -> Iterator[type[CsSyncError]]:
    """Yield the contract's errors, each before those derived from it."""
    if error.__module__ == CsSyncError.__module__:
        yield error
        for derived in error.__subclasses__():
            yield from _list_errors(derived)
