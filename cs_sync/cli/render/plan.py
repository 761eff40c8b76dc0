"""Output of `plan`: what a push would write, what is alike folded, and a line of counts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from textwrap import shorten
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cs_sync.cli.render.cells import (
    Row,
    Rows,
    account_cell,
    format_counts,
    format_value,
    join_lines,
    list_actions,
    make_table,
)
from cs_sync.cli.render.formatting import NO_VALUE, make_text
from cs_sync.i18n import Translator

PLAN_FIELDS = ("destination", "object", "account", "key", "action", "changes", "reason", "name")
ACTION_STYLE = {"create": "green", "update": "yellow", "refused": "red"}
SHOWN_OF_A_KIND = 5
"""How many writes of one kind are shown before the rest is only counted."""
_TELLING = {
    "account": ("health_score", "health_band"),
    "follow_up": ("title", "due_at"),
    "note": ("title",),
}
"""Object → the fields that say in one line what is written."""
_WIDTH = 100


def plan_table(rows: Rows, words: Translator, *, everything: bool) -> RenderableType:
    """Build the planned writes by kind, then one line of counts.

    Args:
        rows: The rows of the plan.
        words: The language.
        everything: Show every write with all its fields, instead of the first of each kind.
    """
    counts = Counter(row["action"] for row in rows)
    line = make_text(
        format_counts({action: counts[action] for action in list_actions(rows)}, "planned", words)
        or words("terminal.no_changes"),
        "bold",
    )
    groups = _group_alike(rows)
    if not groups:
        return line
    several = len({row["destination"] for row in rows}) > 1
    columns = ("action", "object", "account", "changes")
    table = make_table(words, *(("destination",) if several else ()), *columns)
    for alike in groups:
        shown = alike if everything else alike[:SHOWN_OF_A_KIND]
        for row in shown:
            where = [make_text(row["destination"])] if several else []
            table.add_row(*where, *_list_cells(row, words, everything=everything))
        if len(alike) > len(shown):
            more = words("terminal.more_rows", len(alike) - len(shown))
            table.add_row(*[""] * (len(columns) - 1 + several), make_text(more, "dim"))
    return Group(table, line)


def _group_alike(rows: Rows) -> list[list[Row]]:
    """Group the rows by destination, action and object.

    Refusals and follow-ups come before fields.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row["action"] != "unchanged":
            groups.setdefault((row["destination"], row["action"], row["object"]), []).append(row)
    order = {"follow_up": 1, "note": 2, "account": 3}
    ranked = sorted(groups, key=lambda key: (key[1] != "refused", order.get(key[2], 0)))
    return [groups[key] for key in ranked]


def _list_cells(row: Row, words: Translator, *, everything: bool) -> list[Text]:
    action, kind = str(row["action"]), str(row["object"])
    return [
        make_text(words.find(f"action.{action}", action), ACTION_STYLE.get(action, "")),
        make_text(words.find(f"object.{kind}", kind)),
        account_cell(row) if row["account"] else make_text(NO_VALUE, "dim"),
        _list_changes(row, words) if everything else make_text(_summarize_changes(row, words)),
    ]


def _list_changes(row: Row, words: Translator) -> Text:
    """Return one line per field, then the reason."""
    lines = [
        f"{_name_field(field, words)}: {change}"
        for field, change in _format_changes(row["changes"], words).items()
    ]
    return join_lines([*lines, *([str(row["reason"])] if row.get("reason") else [])])


def _summarize_changes(row: Row, words: Translator) -> str:
    """Summarize a write's telling fields, or the reason of a refusal."""
    if row["action"] == "refused":
        return str(row.get("reason") or "")
    changes = _format_changes(row["changes"], words)
    telling = [
        field
        for name in _TELLING.get(str(row["object"]), ())
        for field in changes
        if field.endswith(name)
    ] or list(changes)[:1]
    text = ", ".join(f"{_name_field(field, words)}: {changes[field]}" for field in telling)
    more = len(changes) - len(telling)
    return words("terminal.more_fields", more, text=text) if more else text


def _format_changes(changes: Mapping[str, Any], words: Translator) -> dict[str, str]:
    """Return field → `old → new`, with long texts shortened."""
    return {
        field: " → ".join(
            shorten(_format_field(field, value, words), _WIDTH, placeholder=" …")
            for value in (pair if pair[0] is not None else pair[1:])
        )
        for field, pair in changes.items()
    }


def _format_field(field: str, value: Any, words: Translator) -> str:
    return words.band(value) if field.endswith("health_band") else format_value(value, words)


def _name_field(field: str, words: Translator) -> str:
    """Return the label of our CRM field or of a task's field."""
    return next(_list_labels(field, words), field)


def _list_labels(field: str, words: Translator) -> Iterator[str]:
    parts = field.split("_")
    for start in range(len(parts)):
        name = "_".join(parts[start:])
        for key in (f"field.{name}.label", f"column.{name}"):
            label = words.find(key, "")
            if label:
                yield label
