"""Answers with more, with less and with other contents than the documentation says."""

from collections.abc import Iterator, Mapping
from typing import Any

from cs_sync.testing.faults import OtherTexts, rewritten
from cs_sync.testing.stored import Key, Rows
from cs_sync.testing.syncing import SyncBench, reference
from cs_sync.testing.verdicts import came_through, must, needs_network, same_as_undisturbed

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
    """What holds when the answers are not the ones that were expected."""

    def test_unknown_fields_change_nothing(self, bench: SyncBench) -> None:
        """The vendor adds fields to its answers and to every record in them."""
        needs_network(bench)
        bench.vendor.page_size = LARGE
        came_through(bench.sync(rewritten(_with_more)), "with unknown fields")
        same_as_undisturbed(bench, "with unknown fields")

    def test_missing_fields_cost_one_record_at_most(self, bench: SyncBench) -> None:
        """One field is left out of each record in turn: it is stored or kept as rejected."""
        needs_network(bench)
        bench.vendor.page_size = LARGE
        for first in range(ROUNDS):
            less = _Less(bench.vendor.vital, first)
            run = bench.sync(rewritten(less), full=True)
            came_through(run, f"without {less.said()}")
            nothing_vanished(bench, f"without {less.said()}")

    def test_hostile_text_is_stored_as_text(self, bench: SyncBench) -> None:
        """Customers write code, formulas, control characters and novels into their names."""
        needs_network(bench)
        bench.vendor.page_size = LARGE
        texts = OtherTexts(bench.vendor.free_text, HOSTILE)
        run = bench.sync(rewritten(texts))
        must(bool(texts.used), "no answer of the fake vendor has a field of `free_text`")
        came_through(run, "with hostile text")
        nothing_vanished(bench, "with hostile text")

    def test_half_a_character_costs_one_record_at_most(self, bench: SyncBench) -> None:
        """A vendor cut a text in the middle of an emoji, which JSON can say and Unicode cannot."""
        needs_network(bench)
        bench.vendor.page_size = LARGE
        run = bench.sync(rewritten(OtherTexts(bench.vendor.free_text, (HALF,), most=1)))
        came_through(run, "with half a character in a text")
        nothing_vanished(bench, "with half a character in a text")


def nothing_vanished(bench: SyncBench, when: str) -> None:
    """Every record of the undisturbed run is stored, or is kept as rejected.

    A rejection without an id may stand for several records of its kind.
    """
    found = bench.rows()
    missing = _named(reference(bench.kind).rows, bench) - _named(found, bench)
    kept = {(key[0].removeprefix("rejected "), key[1]) for key in found if "rejected " in key[0]}
    lost = {key for key in missing if key not in kept and (key[0], "None") not in kept}
    must(not lost, f"{when}, records vanish without a word: {sorted(lost)[:5]}")


def _named(rows: Rows, bench: SyncBench) -> set[Key]:
    """The keys of the main records of every stream."""
    main = {str(s.record.__tablename__) for s in reference(bench.kind).streams.values()}
    return {key[:2] for key in rows if key[0] in main}


def _with_more(body: Any, depth: int = 0) -> Any:
    """Unknown fields in the body, and in every object that stands in a list."""
    if isinstance(body, list):
        return [_with_more(item, depth) for item in body]
    if not isinstance(body, dict):
        return body
    inner = {
        name: [_with_more(item, depth + 1) for item in value] if isinstance(value, list) else value
        for name, value in body.items()
    }
    return {**inner, "x_not_documented": {"since": "today", "list": [1, None, "two"]}}


class _Less:
    """Leaves one field out of every record, another one each time."""

    def __init__(self, vital: tuple[str, ...], first: int) -> None:
        self._vital = vital
        self._turn = first
        self._left_out: set[str] = set()

    def said(self) -> str:
        """The fields that were left out."""
        return ", ".join(sorted(self._left_out))

    def __call__(self, body: Any) -> Any:
        for record in records_in(body):
            places = [place for place in _places(record) if place[-1] not in self._vital]
            if places:
                *path, name = places[self._turn % len(places)]
                self._turn += 1
                held = record
                for step in path:
                    held = held[step]
                del held[name]
                self._left_out.add(".".join((*path, name)))
        return body


def records_in(body: Any) -> Iterator[dict[str, Any]]:
    """The objects in the lists of an answer."""
    lists = [body] if isinstance(body, list) else []
    lists += [v for v in body.values() if isinstance(v, list)] if isinstance(body, dict) else []
    for items in lists:
        yield from (item for item in items if isinstance(item, dict))


def _places(record: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all fields of an object, also of the objects inside it."""
    found: list[tuple[str, ...]] = []
    for name, value in record.items():
        found.append((*path, name))
        if isinstance(value, dict):
            found += _places(value, (*path, name))
    return found
