"""Texts in the database that are compressed."""

import zlib
from typing import Any

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

_LEVEL = 1
"""A higher one takes twice as long for a twentieth less."""


def pack_text(text: str | bytes) -> bytes:
    """Compress a text."""
    return zlib.compress(text.encode() if isinstance(text, str) else text, _LEVEL)


def unpack_text(packed: bytes) -> str:
    """Return the text that was compressed."""
    return unpack_bytes(packed).decode()


def unpack_bytes(packed: bytes) -> bytes:
    """Return the text that was compressed, encoded."""
    return zlib.decompress(packed)


class PackedText(TypeDecorator[str]):
    """A text that is stored compressed; who has it packed already gives the bytes."""

    impl = LargeBinary
    cache_ok = True

    def __repr__(self) -> str:
        return "PackedText()"

    def process_bind_param(self, value: str | bytes | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Compress a text."""
        return pack_text(value) if isinstance(value, str) else value

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the text."""
        return None if value is None else unpack_text(value)
