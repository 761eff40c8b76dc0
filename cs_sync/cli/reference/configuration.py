"""The page of the configuration file, from the settings' definitions."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from cs_sync.cli.reference.tables import render_table
from cs_sync.config.email import EmailSettings
from cs_sync.config.model import Config
from cs_sync.follow_ups.settings import PlaybookSettings

_INTRODUCTION = """\
# Configuration

This page is written from the code. `cs-sync init` writes a `cs_sync.toml` with every key and its
default as a comment; `cs-sync check` says what is wrong, with key and remedy. An unknown key is an
error. Any text may be `env:NAME`, the value of an environment variable, or `SCHEME:REFERENCE` of a
plugin's vault.

Sections of connectors, `[connectors.NAME]`, are on the connectors' own pages. `[health]` and its
inputs are in [health](../health.md), what a playbook takes beside the keys below in
[playbooks](../playbooks.md). `[plugins.NAME]` holds what a plugin that observes events asks for,
under its name of `cs-sync connectors` ([events](../plugins/events.md)).
"""


def render_configuration() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION]
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            parts += _render_section(name, field.annotation)
    parts += _render_section("playbooks.NAME", PlaybookSettings)
    return "\n".join(parts)


def _render_section(name: str, model: type[BaseModel]) -> Iterator[str]:
    fields = {key: field for key, field in model.model_fields.items() if _find_table(field) is None}
    yield f"## `[{name}]`\n"
    yield f"{' '.join((model.__doc__ or '').split())}\n"
    rows = (
        (f"`{field.alias or key}`", _format_default(field), field.description or "")
        for key, field in fields.items()
    )
    yield from render_table(("key", "default", "meaning"), rows)
    for key, field in model.model_fields.items():
        if table := _find_table(field):
            yield from _render_section(f"{name}.{key}", table)


def _find_table(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that is its own table."""
    return EmailSettings if EmailSettings in getattr(field.annotation, "__args__", ()) else None


def _format_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    text = format_value(field.get_default(call_default_factory=True))
    return f"`{text}`" if text else "none"


def format_value(value: Any) -> str:
    """Write a default as TOML does; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        hours = value.total_seconds() / 3600
        return f'"{hours / 24:g}d"' if hours % 24 == 0 else f'"{hours:g}h"'
    if isinstance(value, SecretStr):
        return f'"{value.get_secret_value()}"'
    if isinstance(value, str | PurePath | ZoneInfo):
        return f'"{value}"'
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{key} = {format_value(item)}" for key, item in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(format_value(item) for item in value)}]"
    return f'"{value:%H:%M}"' if hasattr(value, "hour") else str(value)
