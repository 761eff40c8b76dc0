"""Mapping of operations to messages: body, and an id for the content; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from cs_sync import Op, ReportMessage

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class Message:
    """A message to post; equal content has an equal `id`."""

    id: str
    body: bytes


def build_message(op: Op, now: datetime) -> Message:
    """Build the message of one operation.

    Its times are ISO 8601 in UTC.
    """
    name = _build_change_id(op) if op.object == "account" else _build_object_id(op)
    content = {
        "id": name,
        "key": op.key,
        "object": op.object,
        "account": get_account_id(op),
        "about": dict(op.about),
        "fields": get_known_fields(op),
        "before": dict(op.before),
        "at": now,
    }
    return Message(name, orjson.dumps(content, option=_OPTIONS))


def build_report_message(report: ReportMessage) -> Message:
    """Build the message of a report.

    Its id is made from its content.
    """
    content = {
        "object": "report",
        "workspace": report.workspace,
        "subject": report.subject,
        "summary": list(report.sentences),
        "file": {"name": report.file_name, "type": "text/html", "content": report.page},
        "at": report.at,
    }
    name = sha256(orjson.dumps(content, option=_OPTIONS)).hexdigest()[:32]
    return Message(name, orjson.dumps({"id": name, **content}, option=_OPTIONS))


def get_known_fields(op: Op) -> dict[str, Any]:
    """Return the fields with a known value; omitted ones empty nothing."""
    return {name: value for name, value in op.fields.items() if value is not None}


def get_account_id(op: Op) -> str | None:
    """Return our id of the operation's account.

    None for the company as a whole.
    """
    return op.remote_id or op.key if op.object == "account" else op.account_remote_id


def _build_object_id(op: Op) -> str:
    """Return the id of a follow-up's creation, closing or change.

    A change has an id of its content, as that of an account.
    """
    if op.remote_id is None:
        return op.key
    return f"{op.key}-closed" if op.fields.get("status") == "closed" else _build_change_id(op)


def _build_change_id(op: Op) -> str:
    """Return the id of an account's change, made from its content.

    An account changes many times under one key. The same change, sent again by a later run
    because no response came, has the same id: the last acknowledged values are still the
    same. A score that falls, recovers and falls again has three ids: `before` holds the
    time of the last acknowledged change. The time of this run is left out, as it alone
    differs when a message is repeated.
    """
    content: Mapping[str, Any] = {
        "account": op.key,
        "before": dict(op.before),
        "fields": {
            name: value
            for name, value in get_known_fields(op).items()
            if op.object != "account" or not isinstance(value, datetime)
        },
    }
    return sha256(orjson.dumps(content, option=_OPTIONS)).hexdigest()[:32]
