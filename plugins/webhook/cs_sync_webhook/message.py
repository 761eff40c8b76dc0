"""An operation as a message: its body, and an id that names what it says; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from cs_sync import Op

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted; `id` is the same whenever the same thing is said again."""

    id: str
    body: bytes


def message_of(op: Op, now: datetime) -> Message:
    """The message of one operation; times in it are ISO 8601 in UTC."""
    name = _id_of_change(op) if op.object == "account" else _id_of_object(op)
    content = {
        "id": name,
        "key": op.key,
        "object": op.object,
        "account": account_of(op),
        "about": dict(op.about),
        "fields": known(op),
        "before": dict(op.before),
        "at": now,
    }
    return Message(name, orjson.dumps(content, option=_OPTIONS))


def known(op: Op) -> dict[str, Any]:
    """The fields that say something: what is not known is left out, so that it empties nothing."""
    return {name: value for name, value in op.fields.items() if value is not None}


def account_of(op: Op) -> str | None:
    """Our own id of the account that the operation is about; None for the company as a whole."""
    return op.remote_id or op.key if op.object == "account" else op.account_remote_id


def _id_of_object(op: Op) -> str:
    """A follow-up is created under its key, and closed under a name of its own."""
    return op.key if op.remote_id is None else f"{op.key}-closed"


def _id_of_change(op: Op) -> str:
    """An account changes many times under one key, so its messages are named by what they change.

    The same change, sent again by a later run because no answer came, has the same name: what was
    acknowledged before is still the same. A score that falls, recovers and falls again has three
    names: `before` holds the time of the last acknowledged change. The time of this run is left
    out, as it is the one thing that differs when a message is repeated.
    """
    said: Mapping[str, Any] = {
        "account": op.key,
        "before": dict(op.before),
        "fields": {n: v for n, v in known(op).items() if not isinstance(v, datetime)},
    }
    return sha256(orjson.dumps(said, option=_OPTIONS)).hexdigest()[:32]
