"""Structs as packed JSON, exact and read back to equal ones."""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from cs_sync.store.fast.kept_results import unpack_kept
from cs_sync_schemas.packed import pack_headed, pack_text, unpack_head

T = TypeVar("T")
H = TypeVar("H")


class PackedJson(Generic[T]):
    """Converts values of one type to compressed text and back.

    The type is made of what msgspec knows, and of fractions. A field that is added or moved needs
    another version of whatever keeps the text.
    """

    def __init__(self, kind: Any) -> None:
        """Compile both directions for a type."""
        self._encoder = msgspec.json.Encoder(enc_hook=_write_other)
        self._decoder = msgspec.json.Decoder[T](kind, dec_hook=_read_other)

    def encode(self, value: T) -> bytes:
        """Return the value as compressed text."""
        return pack_text(self.to_text(value))

    def decode(self, packed: bytes) -> T:
        """Return the value of a compressed text."""
        return self.from_text(unpack_kept(packed))

    def to_text(self, value: T) -> bytes:
        """Return the value as text."""
        return self._encoder.encode(value)

    def from_text(self, text: str | bytes) -> T:
        """Return the value of a text."""
        value: T = self._decoder.decode(text)
        return value


class HeadedJson(PackedJson[T], Generic[T, H]):
    """Packed JSON after a line of its own that can be read alone: its head."""

    def __init__(self, kind: Any, head: type[H], build_head: Callable[[T], H]) -> None:
        """Compile both directions for a type, and for its head."""
        super().__init__(kind)
        self._head, self._build_head = PackedJson[H](head), build_head

    def encode(self, value: T) -> bytes:
        """Return the value as compressed text, after its head."""
        head = self._head.to_text(self._build_head(value))  # JSON writes a line's end as \\n
        return pack_headed(head, self.to_text(value))

    def decode(self, packed: bytes) -> T:
        """Return the value of a compressed text."""
        return self.from_text(unpack_kept(packed).partition(b"\n")[2])

    def decode_head(self, packed: bytes) -> H:
        """Return the head alone, a fraction of the work."""
        return self._head.from_text(unpack_head(packed))


def _write_other(value: Any) -> Any:
    """Convert what msgspec does not know to plain JSON."""
    if isinstance(value, Fraction):
        return "{}/{}".format(*value.as_integer_ratio())
    return list(value)


def _read_other(kind: type[Any], plain: Any) -> Any:
    if kind is not Fraction:
        raise NotImplementedError(f"{kind} is not kept")
    return _read_fraction(plain)


@lru_cache(100_000)
def _read_fraction(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator), int(denominator))
