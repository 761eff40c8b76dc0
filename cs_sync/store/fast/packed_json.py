"""Dataclasses as packed JSON: a list of values per object, exact and read back to equal ones."""

import types
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

from cs_sync_schemas.packed import pack_text, unpack_bytes

T = TypeVar("T")
H = TypeVar("H")
Convert = Callable[[Any], Any]
HEAD_LENGTH = 256
"""Bytes that are decompressed at a time to find the end of a head."""


class PackedJson(Generic[T]):
    """Converts values of one type to compressed text and back.

    The type is made of dataclasses, sequences, mappings from text, fractions, days, instants and
    what JSON knows by itself. A field that is added or moved needs another version of whatever
    keeps the text.
    """

    def __init__(self, kind: Any) -> None:
        """Compile both directions for a type."""
        self._to_json, self._from_json = _compile(kind)

    def encode(self, value: T) -> bytes:
        """Return the value as compressed text."""
        return pack_text(self.to_text(value))

    def decode(self, packed: bytes) -> T:
        """Return the value of a compressed text."""
        return self.from_text(unpack_bytes(packed))

    def to_text(self, value: T) -> bytes:
        """Return the value as text."""
        return orjson.dumps(value if self._to_json is None else self._to_json(value))

    def from_text(self, text: str | bytes) -> T:
        """Return the value of a text."""
        plain = orjson.loads(text)
        value: T = plain if self._from_json is None else self._from_json(plain)
        return value


class HeadedJson(PackedJson[T], Generic[T, H]):
    """Packed JSON after a line of its own that can be read alone: its head."""

    def __init__(self, kind: Any, head: type[H], build_head: Callable[[T], H]) -> None:
        """Compile both directions for a type, and for its head."""
        super().__init__(kind)
        self._head, self._build_head = PackedJson[H](head), build_head

    def encode(self, value: T) -> bytes:
        """Return the value as compressed text, after its head."""
        head, body = self._head.to_text(self._build_head(value)), self.to_text(value)
        return pack_text(b"\n".join((head, body)))  # JSON writes a line's end as \\n

    def decode(self, packed: bytes) -> T:
        """Return the value of a compressed text."""
        return self.from_text(unpack_bytes(packed).partition(b"\n")[2])

    def decode_head(self, packed: bytes) -> H:
        """Return the head alone, a fraction of the work."""
        stream = zlib.decompressobj()
        text = stream.decompress(packed, HEAD_LENGTH)
        while b"\n" not in text:
            text += stream.decompress(stream.unconsumed_tail, HEAD_LENGTH)
        return self._head.from_text(text.partition(b"\n")[0])


def _compile(kind: Any) -> tuple[Convert | None, Convert | None]:
    """Compile the functions to and from plain JSON.

    None where a value stays as it is.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (some,) = (argument for argument in arguments if argument is not types.NoneType)
        to_json, from_json = _compile(some)
        return _skip_none(to_json), _skip_none(from_json)
    if origin in (tuple, Sequence, list):
        return _compile_items(arguments[0])
    if origin in (Mapping, dict):
        return _compile_values(arguments[1])
    if is_dataclass(kind) and isinstance(kind, type):
        return _compile_dataclass(kind)
    return _SCALARS.get(kind, (None, None))


def _skip_none(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda value: None if value is None else convert(value)


def _compile_items(kind: Any) -> tuple[Convert, Convert]:
    to_json, from_json = _compile(kind)
    if to_json is not None and from_json is not None and is_dataclass(kind):
        return partial(_write_objects, to_json), partial(_read_objects, from_json)
    return (
        list if to_json is None else lambda items: [to_json(item) for item in items],
        tuple if from_json is None else lambda items: tuple(map(from_json, items)),
    )


_SAME = 0
"""Stands for an object that equals the one before it."""


def _write_objects(to_json: Convert, items: Sequence[Any]) -> list[Any]:
    plain: list[Any] = []
    before: Any = None
    last: Any = None
    for item in items:
        now = before if item is last and plain else to_json(item)
        plain.append(_SAME if now == before else now)
        before, last = now, item
    return plain


def _read_objects(from_json: Convert, items: list[Any]) -> tuple[Any, ...]:
    """Convert objects; equal neighbours become one object."""
    made: list[Any] = []
    for item in items:
        made.append(made[-1] if item == _SAME else from_json(item))
    return tuple(made)


def _compile_values(kind: Any) -> tuple[Convert, Convert | None]:
    to_json, from_json = _compile(kind)
    back = from_json and (lambda of: {name: from_json(value) for name, value in of.items()})
    if to_json is None:
        return dict, back
    return lambda of: {name: to_json(value) for name, value in of.items()}, back


def _compile_dataclass(kind: type[Any]) -> tuple[Convert, Convert]:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    converters = [_compile(hints[name]) for name in names]
    changed = [(place, to) for place, (to, _) in enumerate(converters) if to is not None]
    back = [(place, to) for place, (_, to) in enumerate(converters) if to is not None]

    get_values = attrgetter(*names) if len(names) > 1 else lambda value: [getattr(value, names[0])]

    def to_json(value: Any) -> list[Any]:
        plain = list(get_values(value))
        for place, convert in changed:
            plain[place] = convert(plain[place])
        return plain

    def from_json(plain: list[Any]) -> Any:
        for place, convert in back:
            plain[place] = convert(plain[place])
        return kind(*plain)

    return to_json, from_json if back else lambda plain: kind(*plain)


@lru_cache(100_000)
def _make_fraction(numerator: str, denominator: str) -> Fraction:
    return Fraction(int(numerator), int(denominator))


_SCALARS: dict[Any, tuple[Convert, Convert]] = {
    Fraction: (lambda of: [str(of.numerator), str(of.denominator)],
               lambda pair: _make_fraction(*pair)),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
}  # fmt: skip
