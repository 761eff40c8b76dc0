"""Sends operations in batches and finds out, for every one, what became of it.

HubSpot answers a batch in three ways: 200 for all, 207 naming the records it refused, or a
refusal of the whole batch because one record in it is wrong. After the last, the records it
blames are set aside and the rest is sent again; where it blames nobody, the batch is halved.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cs_sync import Ack, Op, Reject, RequestRefused
from cs_sync_hubspot.api import BATCH_LIMIT
from cs_sync_hubspot.refusals import category, context, details, said
from cs_sync_hubspot.transport import Json

Answer = Ack | Reject
Send = Callable[[Sequence[Op]], Json]
Existing = Callable[[Sequence[Op]], Mapping[str, str]]
"""Which of these operations had been done before: key → remote id."""

TRACE = "objectWriteTraceId"
"""A name of ours on every input; HubSpot's answers and errors carry it."""

_BAD_RECORD = (400, 409, 413, 422)
_ABSENT = "PROPERTY_DOESNT_EXIST"
_PASSING = (
    "INTERNAL_ERROR",
    "RATE_LIMITS",
    "RATE_LIMIT",
    "MIGRATION_IN_PROGRESS",
    "OBJECT_NOT_FOUND",
)


def in_batches(ops: Sequence[Op]) -> Iterator[Sequence[Op]]:
    """As many at once as HubSpot takes."""
    for start in range(0, len(ops), BATCH_LIMIT):
        yield ops[start : start + BATCH_LIMIT]


def nothing(_ops: Sequence[Op]) -> Mapping[str, str]:
    """For writes that may be done any number of times."""
    return {}


def deliver(ops: Sequence[Op], send: Send, existing: Existing = nothing) -> Iterator[Answer]:
    """Send one batch and answer its operations; what HubSpot left open stays without an answer.

    Raises what is no refusal of records: no permission, quota, lost answers.
    """
    if not ops:
        return
    try:
        body = send(ops)
    except RequestRefused as refusal:
        if refusal.status not in _BAD_RECORD and category(refusal.body) != "OBJECT_NOT_FOUND":
            raise
        yield from _after_refusal(ops, refusal, send, existing)
    else:
        yield from answers(ops, body, existing)


def _after_refusal(
    ops: Sequence[Op], refusal: RequestRefused, send: Send, existing: Existing
) -> Iterator[Answer]:
    """Settle what can be, and send the rest again in parts that are smaller each time."""
    done = existing(ops)
    yield from (Ack(op.key, done[op.key], existed=True) for op in ops if op.key in done)
    rest = [op for op in ops if op.key not in done]
    blamed = {op.key for op in rest} if len(ops) == 1 else blame(refusal.body, rest)
    yield from (_rejected(op, refusal.body) for op in rest if op.key in blamed)
    rest = [op for op in rest if op.key not in blamed]
    middle = len(rest) if done or blamed else len(rest) // 2
    yield from deliver(rest[:middle], send, existing)
    yield from deliver(rest[middle:], send, existing)


def blame(body: Any, ops: Sequence[Op]) -> set[str]:
    """The keys of the operations that a refusal of a whole batch names as the cause."""
    blamed: set[str] = set()
    for error in (body, *details(body)) if isinstance(body, dict) else ():
        guilty = named(ops, error) or _setting(ops, error)
        blamed |= {op.key for op in guilty}
    return blamed


def _setting(ops: Sequence[Op], error: Mapping[str, Any]) -> Sequence[Op]:
    """Those that set a property which does not exist; one that no field names is in all."""
    absent = context(error, "propertyName")
    if error.get("code") != _ABSENT or not absent:
        return ()
    return [op for op in ops if absent & set(op.fields)] or ops


def named(ops: Sequence[Op], error: Mapping[str, Any]) -> list[Op]:
    """The operations that an error's context names, by our trace or by record id."""
    traces, ids = context(error, TRACE), context(error, "ids")
    return [op for op in ops if op.key in traces or (op.remote_id or op.key) in ids]


def answers(ops: Sequence[Op], body: Json, existing: Existing = nothing) -> Iterator[Answer]:
    """The answers that a 200 or 207 holds.

    Errors that name nobody belong to the operations left over, if there are as many of both.
    """
    written = _written(ops, body)
    yield from (Ack(key, remote_id) for key, remote_id in written.items())
    failed: dict[str, Json] = {}
    nameless: list[Json] = []
    for error in details(body):
        guilty = [op for op in named(ops, dict(error)) if op.key not in written]
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
            yield _rejected(op, failed[op.key])


def _written(ops: Sequence[Op], body: Json) -> dict[str, str]:
    """Key → record id of what was written; by our trace, else by the record's id.

    A record that was merged away answers under the id of its survivor.
    """
    by_id: dict[str, list[str]] = {}
    for op in ops:
        by_id.setdefault(op.remote_id or "", []).append(op.key)
    keys = {op.key for op in ops}
    written: dict[str, str] = {}
    for item in body.get("results") or ():
        remote_id, trace = str(item["id"]), item.get(TRACE)
        found = [trace] if trace in keys else by_id.get(remote_id, [])
        written.update((key, remote_id) for key in found)
    return written


def _rejected(op: Op, body: Any) -> Reject:
    """Refused for good, unless HubSpot was busy or what is missing may come back."""
    code, body = category(body), body if isinstance(body, dict) else {}
    reason = said(body) if body else "no reason given"
    absent = any(error.get("code") == _ABSENT for error in (body, *details(body)))
    return Reject(op.key, code, reason, lasting=code not in _PASSING and not absent)
