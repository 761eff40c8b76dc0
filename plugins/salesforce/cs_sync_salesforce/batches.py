"""Batches of records, with one result for each operation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cs_sync import Ack, Op, Reject, RequestRefused
from cs_sync_salesforce.errors import format_errors, get_code

Json = dict[str, Any]
Answer = Ack | Reject
Pair = tuple[Op, Json]
Send = Callable[[list[Json]], list[Json]]

MAX_RECORDS = 200
_TRANSIENT_CODES = (
    *("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT"),
    *("UNKNOWN_EXCEPTION", "STORAGE_LIMIT_EXCEEDED", "INVALID_FIELD"),
)
"""Refusals that end by themselves, or when somebody makes room or gives access to a field."""


def split_pairs(pairs: Sequence[Pair]) -> list[Sequence[Pair]]:
    """Split records into batches of Salesforce's maximum."""
    return [pairs[start : start + MAX_RECORDS] for start in range(0, len(pairs), MAX_RECORDS)]


def send_batch(pairs: Sequence[Pair], send: Send) -> Iterator[Answer]:
    """Send one batch and yield its results.

    A batch that is refused as a whole for one record is halved, until that one is alone. Results
    have the order of the records; of other numbers of them none counts, and the host asks.

    Raises:
        VendorError: Anything but refused records: permission, quota, lost answers.
    """
    if not pairs:
        return
    try:
        results = send([record for _, record in pairs])
    except RequestRefused as refusal:
        if refusal.status != 400:
            raise
        if len(pairs) == 1:
            yield make_reject(pairs[0][0], refusal.body)
            return
        middle = len(pairs) // 2
        yield from send_batch(pairs[:middle], send)
        yield from send_batch(pairs[middle:], send)
    else:
        if len(results) == len(pairs):
            yield from map(_make_answer, [op for op, _ in pairs], results)


def _make_answer(op: Op, result: Mapping[str, Any]) -> Answer:
    if not result.get("success"):
        return make_reject(op, result.get("errors"))
    return Ack(
        op.key, str(result.get("id") or op.remote_id), existed=result.get("created") is False
    )


def make_reject(op: Op, errors: Any) -> Reject:
    """Build the reject, lasting unless trying again may help."""
    code = get_code(errors)
    return Reject(op.key, code, format_errors(errors), lasting=code not in _TRANSIENT_CODES)
