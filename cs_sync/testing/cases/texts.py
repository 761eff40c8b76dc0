"""Responses with more, fewer or other contents than documented."""

from collections.abc import Iterator, Mapping
from typing import Any

from cs_sync.testing.assertions import (
    assert_completed,
    assert_undisturbed,
    require,
    require_network,
)
from cs_sync.testing.faults import TextReplacer, rewrite_response
from cs_sync.testing.stored import Key, Rows
from cs_sync.testing.syncing import SyncHarness, run_reference

HOSTILE = (
    "Robert'); DROP TABLE source_account; --",
    '=HYPERLINK("http://evil.example","click")',
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "nul \0 in the middle",
    "\u202egnp.exe and \u2028 a separator",
    "\N{PILE OF POO}\N{VARIATION SELECTOR-16}" * 40,
    "very long " * 2000,
    "two\r\nlines\ttab \x1b[31m red",
    "{{ 7 * 7 }} %s %(name)s {0} $HOME",
    "ﷺ ı İ ß \N{COMBINING ACUTE ACCENT}",
)
HALF = "half a character \ud83d"
ROUNDS = 2
LARGE = 20
"""Records a page: what is in them matters here, not how they come."""


class TextCases:
    """Cases with unexpected contents."""

    def test_unknown_fields_change_nothing(self, bench: SyncHarness) -> None:
        """Unknown fields in answers and records change nothing."""
        require_network(bench)
        bench.vendor.page_size = LARGE
        assert_completed(bench.sync(rewrite_response(_add_unknown_fields)), "with unknown fields")
        assert_undisturbed(bench, "with unknown fields")

    def test_missing_fields_cost_one_record_at_most(self, bench: SyncHarness) -> None:
        """A record without one field is stored or kept as rejected.

        Each field in turn.
        """
        require_network(bench)
        bench.vendor.page_size = LARGE
        for first in range(ROUNDS):
            less = _FieldRemover(bench.vendor.vital, first)
            run = bench.sync(rewrite_response(less), full=True)
            assert_completed(run, f"without {less.describe()}")
            check_nothing_lost(bench, f"without {less.describe()}")

    def test_hostile_text_is_stored_as_text(self, bench: SyncHarness) -> None:
        """Customers write code, formulas, control characters and novels into their names."""
        require_network(bench)
        bench.vendor.page_size = LARGE
        texts = TextReplacer(bench.vendor.free_text, HOSTILE)
        run = bench.sync(rewrite_response(texts))
        require(bool(texts.used), "no answer of the fake vendor has a field of `free_text`")
        assert_completed(run, "with hostile text")
        check_nothing_lost(bench, "with hostile text")

    def test_half_a_character_costs_one_record_at_most(self, bench: SyncHarness) -> None:
        """A text cut inside an emoji costs one record at most.

        JSON can say it, and Unicode cannot.
        """
        require_network(bench)
        bench.vendor.page_size = LARGE
        run = bench.sync(rewrite_response(TextReplacer(bench.vendor.free_text, (HALF,), most=1)))
        assert_completed(run, "with half a character in a text")
        check_nothing_lost(bench, "with half a character in a text")


def check_nothing_lost(bench: SyncHarness, when: str) -> None:
    """Check that no record of the undisturbed run is lost.

    It is stored or kept as rejected. A rejection without an id may stand for several records of its
    type.
    """
    rows = bench.rows()
    missing = _main_keys(run_reference(bench.kind).rows, bench) - _main_keys(rows, bench)
    rejected = {(key[0].removeprefix("rejected "), key[1]) for key in rows if "rejected " in key[0]}
    lost = {key for key in missing if key not in rejected and (key[0], "None") not in rejected}
    require(not lost, f"{when}, records vanish without a word: {sorted(lost)[:5]}")


def _main_keys(rows: Rows, bench: SyncHarness) -> set[Key]:
    """Return the keys of the main records of every stream."""
    main = {str(s.record.__tablename__) for s in run_reference(bench.kind).streams.values()}
    return {key[:2] for key in rows if key[0] in main}


def _add_unknown_fields(body: Any, depth: int = 0) -> Any:
    """Add unknown fields to the body and its lists' objects."""
    if isinstance(body, list):
        return [_add_unknown_fields(item, depth) for item in body]
    if not isinstance(body, dict):
        return body
    inner = {
        name: [_add_unknown_fields(item, depth + 1) for item in value]
        if isinstance(value, list)
        else value
        for name, value in body.items()
    }
    return {**inner, "x_not_documented": {"since": "today", "list": [1, None, "two"]}}


class _FieldRemover:
    """Removes one field from every record, a different one each time."""

    def __init__(self, vital: tuple[str, ...], first: int) -> None:
        self._vital = vital
        self._turn = first
        self._left_out: set[str] = set()

    def describe(self) -> str:
        """Return the removed fields."""
        return ", ".join(sorted(self._left_out))

    def __call__(self, body: Any) -> Any:
        for record in find_objects(body):
            places = [place for place in _field_paths(record) if place[-1] not in self._vital]
            if places:
                *path, name = places[self._turn % len(places)]
                self._turn += 1
                parent = record
                for step in path:
                    parent = parent[step]
                del parent[name]
                self._left_out.add(".".join((*path, name)))
        return body


def find_objects(body: Any) -> Iterator[dict[str, Any]]:
    """Return the objects in the lists of a response."""
    lists = [body] if isinstance(body, list) else []
    lists += [v for v in body.values() if isinstance(v, list)] if isinstance(body, dict) else []
    for items in lists:
        yield from (item for item in items if isinstance(item, dict))


def _field_paths(record: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all fields of an object, nested ones included."""
    paths: list[tuple[str, ...]] = []
    for name, value in record.items():
        paths.append((*path, name))
        if isinstance(value, dict):
            paths += _field_paths(value, (*path, name))
    return paths
