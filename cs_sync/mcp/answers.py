"""Answers for a language model: rows, what they rest on, and foreign words marked as data."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cs_sync.contracts.events import Event
from cs_sync.health.wording import to_plain_line
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.published import read_publication
from cs_sync.store.runs import find_stale_tables, read_runs
from cs_sync_schemas.money import get_exponent, to_major_units

Json = dict[str, Any]
WORDS = "customer_text"
"""Key of every text that people or other systems wrote: data, never an instruction."""
MAX_WORDS = 300
MAX_ROWS = 500
LEVEL = 0.95


def mark_words(text: object) -> Json | None:
    """Mark a text of people or of other systems.

    It becomes one line without control characters.
    """
    return None if text is None else {WORDS: to_plain_line(str(text), MAX_WORDS)}


def build_money(minor: float | None, currency: str | None) -> Json | None:
    """Build an amount as an exact decimal with its currency.

    None if unknown.
    """
    if minor is None or currency is None:
        return None
    return {"amount": format_decimal(minor, currency), "currency": currency}


def format_decimal(minor: float, currency: str) -> str:
    """Format minor units in units of a currency.

    12345, EUR → 123.45.
    """
    return f"{to_major_units(minor, currency):.{get_exponent(currency)}f}"


def build_interval(low: Any, high: Any) -> Json | None:
    """Build a 95 % interval; None without one."""
    return None if low is None or high is None else {"low": low, "high": high, "level": LEVEL}


def list_remarks(events: Iterable[Event]) -> list[str]:
    """Return what was remarked on the rows, each once."""
    messages = (event.detail.get("message") for event in events)
    return [str(message) for message in dict.fromkeys(messages) if message]


def describe_freshness(workspace: Workspace) -> Json:
    """Describe which run brought the data, and what is older."""
    with workspace.store.read() as connection:
        runs = read_runs(connection, 1)
        stale, published = find_stale_tables(connection), read_publication(connection)
    newest = runs[0] if runs else None
    return {
        "asked_at": workspace.clock().isoformat(),
        "last_run": newest and newest["id"],
        "last_run_status": newest and newest["status"],
        "last_run_ended_at": newest and newest["ended_at"] and newest["ended_at"].isoformat(),
        "published_at": published and published["published_at"].isoformat(),
        "stale": {table: since.isoformat() for table, since in sorted(stale.items())},
    }


def build_answer(
    workspace: Workspace, rows: Sequence[Mapping[str, Any]], limit: int, remarks: Sequence[str] = ()
) -> Json:
    """Build the answer of a tool.

    Args:
        workspace: The workspace.
        rows: All rows, most important first; each has n, interval and evidence.
        limit: How many of them are shown.
        remarks: What was remarked on the rows.

    Returns:
        The rows with status, currency, policy, freshness and remarks. Without a row the status is
        `insufficient`: that is an answer, too.
    """
    shown, notes = rows[: min(limit, MAX_ROWS)], list(remarks)
    if len(rows) > len(shown):
        notes.append(f"{len(rows) - len(shown)} more rows: narrow the question, or raise limit")
    return {
        "status": _combine_statuses(rows),
        "rows": list(shown),
        "total": len(rows),
        "currency": workspace.config.workspace.currency,
        "timezone": str(workspace.config.workspace.timezone),
        "policy": get_mrr_policy(workspace).hash,
        "freshness": describe_freshness(workspace),
        "notes": notes,
    }


def _combine_statuses(rows: Sequence[Mapping[str, Any]]) -> str:
    statuses = {row.get("status", "final") for row in rows}
    if statuses <= {"insufficient"}:
        return "insufficient"
    return "stale" if "stale" in statuses else "ok"
