"""Digests of what results rest on, part by part."""

from datetime import date
from fractions import Fraction

from cs_sync.queries.kept_results import WrittenResults, hash_each
from cs_sync.store.fast.packed_json import PackedJson

PARTS = [{"id": "a", "owner": None}, ("a", {"EUR": 5}), date(2026, 11, 28), Fraction(1, 3)]


def test_equal_parts_have_one_digest_and_others_another() -> None:
    assert hash_each(iter(PARTS)) == hash_each(list(PARTS))
    assert len({hash_each(PARTS), hash_each(PARTS[::-1]), hash_each(PARTS[:3]), hash_each([])}) == 4


def test_where_a_part_ends_counts() -> None:
    assert hash_each([1, 23]) != hash_each([12, 3])
    assert hash_each(["a", "b"]) != hash_each([["a", "b"]])


def test_results_that_are_let_go_are_no_more() -> None:
    form = PackedJson[tuple[int, ...]](tuple[int, ...])
    written = {"a": form.encode((1, 2)), "b": form.encode((3,))}
    results = WrittenResults(form, written, {"a": (1, 2)})
    results.drop_result("a")
    assert dict(results) == {"b": (3,)}
