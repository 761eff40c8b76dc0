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
    name = op.key if op.object == "follow_up" else _id_of_change(op)
    content = {
        "id": name,
        "key": op.key,
        "object": op.object,
        "account": account_of(op),
        "fields": dict(op.fields),
        "before": dict(op.before),
        "at": now,
    }
    return Message(name, orjson.dumps(content, option=_OPTIONS))


def account_of(op: Op) -> str:
    """Our own id of the account that the operation is about."""
    found = op.remote_id if op.object == "account" else op.account_remote_id
    return found or op.key


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
        "fields": {n: v for n, v in op.fields.items() if not isinstance(v, datetime)},
    }
    return sha256(orjson.dumps(said, option=_OPTIONS)).hexdigest()[:32]
