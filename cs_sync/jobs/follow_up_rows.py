"""Rows of follow-ups: from drafts, and back to what playbooks compare with."""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from cs_sync.follow_ups import FollowUpDraft, Point, StoredFollowUp
from cs_sync.write_back.tasks import get_task_key
from cs_sync_schemas.tables import FOLLOW_UP

ADDED_AT = "since"
"""The mark of a piece of evidence that became known after the follow-up was put on record."""


def build_point_note(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Build the note of a point added to an open task."""
    text = f"{row['title']}\n{row['why'] or ''}".strip()
    return {"kind": "point", "id": "point", "text": text, ADDED_AT: now.isoformat()}


def rename_rows(rows: Sequence[dict[str, Any]], keys: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rename the rows' keys, also where a row names its task."""
    return [{**row, **{n: keys.get(row[n], row[n]) for n in ("key", "lead")}} for row in rows]


def build_stored_follow_ups(
    rows: Iterable[Mapping[str, Any]], written: Container[str]
) -> list[StoredFollowUp]:
    """Build the follow-ups that playbooks compare with, from their rows.

    Args:
        rows: Rows of `follow_up`.
        written: Keys of the tasks that a destination has.
    """
    return [_build_stored_follow_up(row, written=get_task_key(row) in written) for row in rows]


def _build_stored_follow_up(row: Mapping[str, Any], *, written: bool) -> StoredFollowUp:
    owner = f"{row['owner_source']}:{row['owner_source_id']}" if row["owner_source_id"] else ""
    return StoredFollowUp(
        key=row["key"],
        account_id=row["account_id"],
        playbook=row["playbook"],
        occasion=row["occasion"],
        state=row["state"],
        desk=row["assignee"] or owner,
        created_at=row["created_at"],
        opened_at=row["opened_at"],
        ended_at=row["ended_at"],
        touched=row["touched"],
        written=written,
        evidence=tuple(row["evidence"]),
        lead=row["lead"],
        point=_build_point(row),
        language=row["language"],
    )


def _build_point(row: Mapping[str, Any]) -> Point:
    """Return a stored follow-up as a point of a task."""
    return Point(
        row["key"],
        row["playbook"],
        row["title"],
        row["why"] or row["body"].partition("\n\n")[0],
        row["priority"],
        row["kind"],
        row["due_at"],
        tuple(row["advice"] or ()),
        row["contact_id"],
        tuple(row["evidence"]),
    )


def build_row(draft: FollowUpDraft, state: str, now: datetime, language: str) -> dict[str, Any]:
    """Build the row of a new follow-up."""
    row = {
        **asdict(draft),
        "advice": list(draft.advice),
        "evidence": [{n: v for n, v in fact.items() if n != ADDED_AT} for fact in draft.evidence],
        "mrr": dict(draft.mrr),
        "state": state,
        "touched": False,
        "created_at": now,
        "opened_at": now if state == "open" else None,
        "ended_at": None,
        "reason": None,
        "lead": None,
        "task": None,
        "language": language,
    }
    assert row.keys() == set(FOLLOW_UP.c.keys())  # noqa: S101 - one definition
    return row
