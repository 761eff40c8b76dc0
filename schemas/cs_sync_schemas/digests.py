"""Digests in the database: bytes on SQLite, text elsewhere."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator

_DIGITS = 16
_HEX = re.compile(f"[0-9a-f]{{{_DIGITS}}}")


class Digest(TypeDecorator[str]):
    """A digest of 16 hexadecimal digits; SQLite stores its 8 bytes."""

    impl = String
    cache_ok = True

    def __repr__(self) -> str:
        return "Digest()"

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Convert to bytes on SQLite."""
        return _pack_digest(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the hexadecimal digits."""
        return value.hex() if isinstance(value, bytes) else value


def pack_digests(values: Sequence[str | None]) -> list[Any]:
    """Convert digests to what SQLite stores.

    They are converted at once where nothing else is among them, to arrays of bytes: SQLite's driver
    takes twice as long for bytes, which it first tries to adapt.
    """
    if None not in values and set(map(len, values)) == {_DIGITS}:  # type: ignore[arg-type]
        text = "".join(values)  # type: ignore[arg-type]
        try:
            packed = bytearray.fromhex(text)
        except ValueError:
            packed = bytearray()
        if packed.hex() == text:  # else there were capitals
            half = _DIGITS // 2
            return [packed[at : at + half] for at in range(0, len(packed), half)]
    return list(map(_pack_digest, values))


def _pack_digest(value: str | None) -> Any:
    """Convert a digest to bytes.

    What is none, as an empty one, stays text.
    """
    return bytes.fromhex(value) if value is not None and _HEX.fullmatch(value) else value
