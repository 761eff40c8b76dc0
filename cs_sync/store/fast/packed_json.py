"""Dataclasses as packed JSON: a list of values per object, exact and read back to equal ones."""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

from cs_sync_schemas.packed import pack_headed, pack_text, unpack_bytes, unpack_head

T = TypeVar("T")
H = TypeVar("H")
Convert = Callable[[Any], Any]
MAX_SHARED = 10_000
"""Shared objects of a type that are at hand with their texts."""


class PackedJson(Generic[T]):
    """Converts values of one type to compressed text and back.

    The type is made of dataclasses, sequences, mappings from text, fractions, days, instants and
    what JSON knows by itself. A field that is added or moved needs another version of whatever
    keeps the text.
    """

    def __init__(self, kind: Any, shared: Sequence[type[Any]] = ()) -> None:
        """Compile both directions for a type.

        Args:
            kind: The type.
            shared: Dataclasses in it of which one object stands in many values: it is converted
                once, and one object again where it is read.
        """
        self._to_json, self._from_json = _compile_converters(kind, shared)

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

    def __init__(
        self,
        kind: Any,
        head: type[H],
        build_head: Callable[[T], H],
        shared: Sequence[type[Any]] = (),
    ) -> None:
        """Compile both directions for a type, and for its head."""
        super().__init__(kind, shared)
        self._head, self._build_head = PackedJson[H](head), build_head

    def encode(self, value: T) -> bytes:
        """Return the value as compressed text, after its head."""
        head = self._head.to_text(self._build_head(value))  # JSON writes a line's end as \\n
        return pack_headed(head, self.to_text(value))

    def decode(self, packed: bytes) -> T:
        """Return the value of a compressed text."""
        return self.from_text(unpack_bytes(packed).partition(b"\n")[2])

    def decode_head(self, packed: bytes) -> H:
        """Return the head alone, a fraction of the work."""
        return self._head.from_text(unpack_head(packed))


def _compile_converters(
    kind: Any, shared: Sequence[type[Any]]
) -> tuple[Convert | None, Convert | None]:
    """Compile the functions to and from plain JSON.

    None where a value stays as it is.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (some,) = (argument for argument in arguments if argument is not types.NoneType)
        to_json, from_json = _compile_converters(some, shared)
        return _skip_none(to_json), _skip_none(from_json)
    if origin in (tuple, Sequence, list):
        return _compile_items(arguments[0], shared)
    if origin in (Mapping, dict):
        return _compile_values(arguments[1], shared)
    if is_dataclass(kind) and isinstance(kind, type):
        both = _compile_dataclass(kind, shared)
        return _share_texts(*both) if kind in shared else both
    return _SCALARS.get(kind, (None, None))


def _skip_none(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda value: None if value is None else convert(value)


def _share_texts(to_json: Convert, from_json: Convert) -> tuple[Convert, Convert]:
    """Write objects as texts; read equal texts as one object."""
    texts: dict[int, tuple[Any, str]] = {}

    def to_text(value: Any) -> str:
        known = texts.get(id(value))
        if known is None:
            if len(texts) >= MAX_SHARED:
                texts.clear()
            # The object is kept, so that nothing else takes its id.
            known = texts[id(value)] = (value, orjson.dumps(to_json(value)).decode())
        return known[1]

    return to_text, lru_cache(MAX_SHARED)(lambda text: from_json(orjson.loads(text)))


def _compile_items(kind: Any, shared: Sequence[type[Any]]) -> tuple[Convert, Convert]:
    to_json, from_json = _compile_converters(kind, shared)
    if to_json is not None and from_json is not None and is_dataclass(kind):
        return partial(_write_objects, to_json), partial(_read_objects, from_json)
    return (
        list if to_json is None else lambda items: [to_json(item) for item in items],
        tuple if from_json is None else lambda items: tuple(map(from_json, items)),
    )


_SAME = 0
"""Stands for an object that equals the one before it."""


def _write_objects(to_json: Convert, items: Sequence[Any]) -> list[Any]:
    if not items:
        return []
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


def _compile_values(kind: Any, shared: Sequence[type[Any]]) -> tuple[Convert, Convert | None]:
    to_json, from_json = _compile_converters(kind, shared)
    back = from_json and (lambda of: {name: from_json(value) for name, value in of.items()})
    if to_json is None:
        return dict, back
    return lambda of: {name: to_json(value) for name, value in of.items()}, back


def _compile_dataclass(kind: type[Any], shared: Sequence[type[Any]]) -> tuple[Convert, Convert]:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    converters = [_compile_converters(hints[name], shared) for name in names]
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
def _read_fraction(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator), int(denominator))


_SCALARS: dict[Any, tuple[Convert, Convert]] = {
    Fraction: (lambda of: f"{of.numerator}/{of.denominator}", _read_fraction),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
}  # fmt: skip
