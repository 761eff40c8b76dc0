"""Responses with more, fewer or other contents than documented."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
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
            problem = _read_without(bench, less)
            require(not problem, _name_guilty_field(bench, less, problem))

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
    lost = _find_lost(bench)
    require(not lost, f"{when}, records vanish without a word: {lost[:5]}")


def _find_lost(bench: SyncHarness) -> list[Key]:
    rows = bench.rows()
    missing = _main_keys(run_reference(bench.kind).rows, bench) - _main_keys(rows, bench)
    rejected = {(key[0].removeprefix("rejected "), key[1]) for key in rows if "rejected " in key[0]}
    return sorted(
        key for key in missing if key not in rejected and (key[0], "None") not in rejected
    )


def _read_without(bench: SyncHarness, less: "_FieldRemover") -> str:
    """Read records without some fields; describe what is lost with them."""
    run = bench.sync(rewrite_response(less), full=True)
    broken = [o.error for o in run.outcomes.values() if o.status == "failed"]
    if broken:
        return f"the run fails: {'; '.join(map(str, broken))}"
    lost = _find_lost(bench)
    return f"records vanish without a word: {lost[:5]}" if lost else ""


def _name_guilty_field(bench: SyncHarness, less: "_FieldRemover", problem: str) -> str:
    """Return the problem with the one field that causes it."""
    if not problem:
        return ""
    for path in sorted(less.left_out):
        with tempfile.TemporaryDirectory() as folder:
            fresh = SyncHarness(bench.kind, Path(folder))
            fresh.vendor.page_size = LARGE
            alone = _read_without(fresh, _FieldRemover(bench.vendor.vital, only=path))
            fresh.close()
        if alone:
            return f"without {'.'.join(path)}, {alone}"
    return f"without {', '.join('.'.join(path) for path in sorted(less.left_out))}, {problem}"


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
    """Removes one field from every record, a different one each time, or `only` this one."""

    def __init__(
        self, vital: tuple[str, ...], first: int = 0, only: tuple[str, ...] | None = None
    ) -> None:
        self._vital = vital
        self._turn = first
        self._only = only
        self.left_out: set[tuple[str, ...]] = set()

    def __call__(self, body: Any) -> Any:
        for record in find_objects(body):
            places = [place for place in _field_paths(record) if place[-1] not in self._vital]
            if self._only is not None:
                places = [place for place in places if place == self._only]
            if places:
                *path, name = place = places[self._turn % len(places)]
                self._turn += 1
                parent = record
                for step in path:
                    parent = parent[step]
                del parent[name]
                self.left_out.add(place)
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
