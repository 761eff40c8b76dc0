"""Records with impossible values: each costs at most itself, never its stream."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from cs_sync.testing.assertions import assert_completed, require_network
from cs_sync.testing.cases.texts import LARGE, check_nothing_lost, find_objects
from cs_sync.testing.faults import rewrite_response
from cs_sync.testing.syncing import SyncHarness

NUMBERS: tuple[Any, ...] = (2**63, -(2**63) - 1, 10**30, float("nan"), float("inf"), 1e300, -1)
"""Beyond 64 bits on either side, what JSON does not know, what no integer is, less than nothing."""
TIMES = (
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "1969-12-31T23:59:59Z",
    "30000-01-01T00:00:00Z",
)
SECONDS: tuple[Any, ...] = (-1, -(10**12), 253_402_300_800, 10**18)
"""Before 1970, and in the year 10000 and later."""
_TODAY = range(10**9, 3 * 10**9)


class OddValueCases:
    """Cases with invalid single records."""

    def test_impossible_values_cost_one_record_at_most(self, bench: SyncHarness) -> None:
        """Impossible numbers and times cost one record at most.

        Numbers out of every range, times at the edges of the calendar, field by field.
        """
        require_network(bench)
        bench.vendor.page_size = LARGE
        for first in range(len(NUMBERS)):
            run = bench.sync(rewrite_response(_ValueMutator(bench.vendor.vital, first)), full=True)
            assert_completed(run, "with impossible values")
            check_nothing_lost(bench, "with impossible values")

    def test_what_is_no_object_costs_itself_only(self, bench: SyncHarness) -> None:
        """What stands in a record's place and is none costs itself.

        Null, a number, a text or a list.
        """
        require_network(bench)
        bench.vendor.page_size = LARGE
        odd: tuple[Any, ...] = (None, 7, "fine", [], {})
        for other in odd:
            run = bench.sync(rewrite_response(partial(_replace_first, other)), full=True)
            assert_completed(run, f"with {other!r} in place of a record")
            check_nothing_lost(bench, f"with {other!r} in place of a record")


class _ValueMutator:
    """Changes one number or time of every record, a different one each time."""

    def __init__(self, vital: tuple[str, ...], first: int) -> None:
        self._vital, self._turn = vital, first

    def __call__(self, body: Any) -> bytes:
        for record in find_objects(body):
            if places := list(self._find_places(record)):
                holder, key = places[self._turn % len(places)]
                holder[key] = self._other(holder[key])
                self._turn += 1
        return json.dumps(body).encode()

    def _find_places(self, container: Any) -> Iterator[tuple[Any, Any]]:
        """Yield where numbers and times are in a record, at any depth."""
        inside = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in inside:
            if key in self._vital:
                continue
            if isinstance(value, dict | list):
                yield from self._find_places(value)
            elif _is_number(value) or _is_time(value):
                yield container, key

    def _other(self, value: Any) -> Any:
        if _is_time(value):
            return TIMES[self._turn % len(TIMES)]
        seconds = isinstance(value, int) and value in _TODAY
        choices = SECONDS if seconds else NUMBERS
        return choices[self._turn % len(choices)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T"


def _replace_first(other: Any, body: Any) -> Any:
    """Replace the first of several elements of each list.

    The last is often a cursor. The vendor's own errors inside its response stay unchanged.
    """
    lists = [body] if isinstance(body, list) else []
    inside = body.items() if isinstance(body, dict) else ()
    lists += [item for name, item in inside if isinstance(item, list) and name != "errors"]
    for rows in lists:
        if len(rows) > 1:
            rows[0] = other
    return body
