"""Message catalogues: TOML files per language, their messages by dotted key."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Literal, get_args

Language = Literal["en", "pl", "ro", "th", "zh-Hans", "zh-Hant"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
PARTS = ("", "report.", "terminal.")
"""What a file's name begins with: tasks, reasons and fields; the report; the terminal."""
FORMS = ("zero", "one", "two", "few", "many", "other")
"""The plural categories of Unicode CLDR; `zero` is also used for zero where a message has it."""

Message = str | Mapping[str, str]
"""A text with {fields}, or one text per plural category of the number {n} in it."""


def read_catalogue(language: Language) -> dict[str, Message]:
    """Read all messages of a language.

    Returns:
        Dotted key → message.
    """
    folder = resources.files("cs_sync.i18n") / "catalogues"
    messages: dict[str, Message] = {}
    for part in PARTS:
        text = (folder / f"{part}{language}.toml").read_text(encoding="utf-8")
        messages |= _flatten_messages("", tomllib.loads(text))
    return messages


def _flatten_messages(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Message]]:
    for name, value in table.items():
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, str) or set(value) <= set(FORMS):
            yield key, value
        else:
            yield from _flatten_messages(key, value)
