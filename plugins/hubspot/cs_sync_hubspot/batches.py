"""Batches of operations, with one result for each operation.

HubSpot answers a batch in three ways: 200 for all, 207 with the refused records, or a
refusal of the whole batch because of one wrong record. After the last, the blamed
records are set aside and the rest is sent again; if none is blamed, the batch is
halved.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cs_sync import Ack, Op, Reject, RequestRefused
from cs_sync_hubspot.api import BATCH_LIMIT
from cs_sync_hubspot.errors import format_error, get_category, iterate_details, read_context
from cs_sync_hubspot.transport import Json

Answer = Ack | Reject
Send = Callable[[Sequence[Op]], Json]
Existing = Callable[[Sequence[Op]], Mapping[str, str]]
"""Which of these operations had been done before: key → remote id."""

TRACE = "objectWriteTraceId"
"""A name of ours on every input; HubSpot's answers and errors carry it."""

_BAD_RECORD = (400, 409, 413, 422)
_MISSING_PROPERTY = "PROPERTY_DOESNT_EXIST"
_TRANSIENT_CODES = (
    "INTERNAL_ERROR",
    "RATE_LIMITS",
    "RATE_LIMIT",
    "MIGRATION_IN_PROGRESS",
    "OBJECT_NOT_FOUND",
)


def split_batches(ops: Sequence[Op]) -> list[Sequence[Op]]:
    """Split the operations into batches of HubSpot's maximum."""
    return [ops[start : start + BATCH_LIMIT] for start in range(0, len(ops), BATCH_LIMIT)]


def find_none(_ops: Sequence[Op]) -> Mapping[str, str]:
    """Return no existing objects, for writes that may be repeated."""
    return {}


def send_batch(ops: Sequence[Op], send: Send, existing: Existing = find_none) -> Iterator[Answer]:
    """Send one batch and yield its results.

    An operation HubSpot left open has none.

    Raises:
        VendorError: Anything but refused records: permission, quota, lost responses.
    """
    if not ops:
        return
    try:
        body = send(ops)
    except RequestRefused as refusal:
        if refusal.status not in _BAD_RECORD and get_category(refusal.body) != "OBJECT_NOT_FOUND":
            raise
        yield from _retry_smaller(ops, refusal, send, existing)
    else:
        yield from parse_results(ops, body, existing)


def _retry_smaller(
    ops: Sequence[Op], refusal: RequestRefused, send: Send, existing: Existing
) -> Iterator[Answer]:
    """Settle what is known, then send the rest again in smaller batches."""
    done = existing(ops)
    yield from (Ack(op.key, done[op.key], existed=True) for op in ops if op.key in done)
    rest = [op for op in ops if op.key not in done]
    blamed = {op.key for op in rest} if len(ops) == 1 else find_blamed(refusal.body, rest)
    yield from (_make_reject(op, refusal.body) for op in rest if op.key in blamed)
    rest = [op for op in rest if op.key not in blamed]
    middle = len(rest) if done or blamed else len(rest) // 2
    yield from send_batch(rest[:middle], send, existing)
    yield from send_batch(rest[middle:], send, existing)


def find_blamed(body: Any, ops: Sequence[Op]) -> set[str]:
    """Find the operations blamed in the refusal of a whole batch.

    Returns their keys.
    """
    blamed: set[str] = set()
    for error in (body, *iterate_details(body)) if isinstance(body, dict) else ():
        guilty = find_named(ops, error) or _find_property_users(ops, error)
        blamed |= {op.key for op in guilty}
    return blamed


def _find_property_users(ops: Sequence[Op], error: Mapping[str, Any]) -> Sequence[Op]:
    """Find the operations that set a missing property.

    If none is found, all.
    """
    absent = read_context(error, "propertyName")
    if error.get("code") != _MISSING_PROPERTY or not absent:
        return ()
    return [op for op in ops if absent & set(op.fields)] or ops


def find_named(ops: Sequence[Op], error: Mapping[str, Any]) -> list[Op]:
    """Return the operations named in an error by trace or id."""
    traces, ids = read_context(error, TRACE), read_context(error, "ids")
    return [op for op in ops if op.key in traces or (op.remote_id or op.key) in ids]


def parse_results(
    ops: Sequence[Op], body: Json, existing: Existing = find_none
) -> Iterator[Answer]:
    """Yield the results in the body of a 200 or 207.

    Errors without a name are assigned to the remaining operations if their numbers agree.
    """
    written = _find_written(ops, body)
    yield from (Ack(key, remote_id) for key, remote_id in written.items())
    failed: dict[str, Json] = {}
    nameless: list[Json] = []
    for error in iterate_details(body):
        guilty = [op for op in find_named(ops, dict(error)) if op.key not in written]
        failed.update((op.key, dict(error)) for op in guilty)
        nameless += [] if guilty else [dict(error)]
    left = [op for op in ops if op.key not in written and op.key not in failed]
    if nameless and len(left) == len(nameless):
        failed.update((op.key, error) for op, error in zip(left, nameless, strict=True))
    refused = [op for op in ops if op.key in failed]
    done = existing(refused) if refused else {}
    for op in refused:
        if op.key in done:
            yield Ack(op.key, done[op.key], existed=True)
        else:
            yield _make_reject(op, failed[op.key])


def _find_written(ops: Sequence[Op], body: Json) -> dict[str, str]:
    """Return key → id of written records, by trace or id.

    A merged record answers with its survivor's id.
    """
    by_id: dict[str, list[str]] = {}
    for op in ops:
        by_id.setdefault(op.remote_id or "", []).append(op.key)
    keys = {op.key for op in ops}
    written: dict[str, str] = {}
    for item in body.get("results") or ():
        remote_id, trace = str(item["id"]), item.get(TRACE)
        matches = [trace] if trace in keys else by_id.get(remote_id, [])
        written.update((key, remote_id) for key in matches)
    return written


def _make_reject(op: Op, body: Any) -> Reject:
    """Build the reject, lasting unless trying again may help."""
    code, body = get_category(body), body if isinstance(body, dict) else {}
    reason = format_error(body) if body else "no reason given"
    absent = any(error.get("code") == _MISSING_PROPERTY for error in (body, *iterate_details(body)))
    return Reject(op.key, code, reason, lasting=code not in _TRANSIENT_CODES and not absent)
