"""Texts in the database that are compressed.

A packed text is its head, a line's end, and the rest as a zstd frame (RFC 8878) with a checksum.
Most texts have no head.
"""

import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator
from zstandard import (
    DICT_TYPE_FULLDICT,
    ZstdCompressionDict,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)

LEVEL = 3
"""A fifteenth smaller than by level 1; level 5 takes twice as long for hardly less."""
DICTIONARY = Path(__file__).with_name("packed.zdict")
"""What kept results have in common: `python -m benchmarks.dictionary` trains it.

Its id stands in each frame. What was packed with another one is unreadable.
"""
_LINE_END = b"\n"


class UnreadableText(ValueError):
    """The bytes are damaged, or packed by a version with another dictionary."""


class Codec(threading.local):
    """Compresses and decompresses with a dictionary; each thread has objects of its own."""

    def __init__(self, dictionary: bytes) -> None:
        """Take a trained dictionary."""
        shared = ZstdCompressionDict(dictionary, dict_type=DICT_TYPE_FULLDICT)
        shared.precompute_compress(level=LEVEL)
        compressor = ZstdCompressor(level=LEVEL, dict_data=shared, write_checksum=True)
        self.compress = compressor.compress
        self.decompress = ZstdDecompressor(dict_data=shared).decompress


_CODEC = Codec(DICTIONARY.read_bytes())


def pack_text(text: str | bytes) -> bytes:
    """Compress a text."""
    return pack_headed(b"", text.encode() if isinstance(text, str) else text)


def pack_headed(head: bytes, body: bytes) -> bytes:
    """Compress a text but its first line, which is read alone.

    Args:
        head: The first line, without its end.
        body: The rest.
    """
    return head + _LINE_END + _CODEC.compress(body)


def unpack_text(packed: bytes) -> str:
    """Return the text that was compressed."""
    return unpack_bytes(packed).decode()


def unpack_bytes(packed: bytes) -> bytes:
    """Return the text that was compressed, encoded, after its head.

    Raises:
        UnreadableText: The bytes are damaged, or packed with another dictionary.
    """
    head, _, frame = packed.partition(_LINE_END)
    try:
        body = _CODEC.decompress(frame)
    except (ZstdError, MemoryError) as error:  # a damaged frame may ask for any room
        raise UnreadableText(
            f"a packed text is damaged, or packed with another dictionary ({error})"
        ) from error
    return head + _LINE_END + body if head else body


def unpack_head(packed: bytes) -> bytes:
    """Return the first line of what `pack_headed` compressed."""
    return packed.partition(_LINE_END)[0]


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
