"""Structs as packed JSON: what is read back equals what was written."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from msgspec import Struct

from cs_sync.store.fast.packed_json import HeadedJson, PackedJson
from cs_sync_schemas.packed import unpack_text


class Part(Struct, frozen=True, array_like=True):
    share: Fraction
    day: date | None = None
    value: float | None = None


class Whole(Struct, frozen=True, array_like=True):
    name: str
    at: datetime
    parts: tuple[Part, ...] = ()
    shares: Mapping[str, Fraction] | None = None
    plain: tuple[Mapping[str, Any], ...] | None = None


AT = datetime(2026, 3, 10, 8, 0, 0, 123456, tzinfo=UTC)
LARGE = Fraction(10**30 + 1, 3)


@pytest.mark.parametrize(
    "whole",
    [
        Whole("ü", AT),
        Whole("a", AT, (Part(Fraction(1, 3), date(2026, 3, 1), 0.1), Part(LARGE)), {"x": LARGE}),
        Whole("b", AT, (), {}, ({"quantity": 2.0, "ids": ["s", None]},)),
    ],
)
def test_what_is_read_back_equals_what_was_written(whole: Whole) -> None:
    form = PackedJson[Whole](Whole)
    assert form.decode(form.encode(whole)) == whole


def test_objects_are_lists_of_values() -> None:
    part = Part(Fraction(1, 3), date(2026, 3, 1), 0.5)
    packed = PackedJson[Part](Part).encode(part)
    assert unpack_text(packed) == '["1/3","2026-03-01",0.5]'


def test_sequences_of_objects_stand_alone() -> None:
    form = PackedJson[tuple[Part, ...]](tuple[Part, ...])
    assert form.decode(form.encode((Part(Fraction(2)),))) == (Part(Fraction(2)),)


@pytest.mark.parametrize("length", [0, 3, 13_000, 70_000])
def test_a_head_is_read_without_the_rest(length: int) -> None:
    form = HeadedJson[Whole, Part](Whole, Part, lambda whole: whole.parts[0])
    named = Whole("name\n" * length, AT, (Part(LARGE, date(2026, 3, 1), float(length)),))
    packed = form.encode(named)
    assert unpack_text(packed).count("\n") == 1
    assert form.decode_head(packed) == named.parts[0]
    assert form.decode(packed) == named
    longer = HeadedJson[Whole, Whole](Whole, Whole, lambda whole: whole)
    assert longer.decode_head(longer.encode(named)) == named
