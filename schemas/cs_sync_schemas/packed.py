"""Texts in the database that are compressed."""

import zlib
from typing import Any

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

_LEVEL = 1
"""A higher one takes twice as long for a twentieth less."""
_HEADER = b"\x78\x01"
"""How a text begins that was compressed with this level."""
_MAX_BLOCK = 0xFFFF
_BLOCK_START = 5
"""Bytes before the text of a stored block: its kind, its length, and the length's complement."""


def pack_text(text: str | bytes) -> bytes:
    """Compress a text."""
    return zlib.compress(text.encode() if isinstance(text, str) else text, _LEVEL)


def unpack_text(packed: bytes) -> str:
    """Return the text that was compressed."""
    return unpack_bytes(packed).decode()


def unpack_bytes(packed: bytes) -> bytes:
    """Return the text that was compressed, encoded."""
    return zlib.decompress(packed)


def pack_headed(head: bytes, body: bytes) -> bytes:
    """Compress a text but its first line, which is read alone.

    It is stored blocks (RFC 1951, 3.2.4), so whoever decompresses gets the whole.

    Args:
        head: The first line, without its end.
        body: The rest.
    """
    line = head + b"\n"
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [_HEADER]
    for start in range(0, len(line), _MAX_BLOCK):
        block = line[start : start + _MAX_BLOCK]
        size = len(block)
        parts += (
            b"\0",
            size.to_bytes(2, "little"),
            (size ^ _MAX_BLOCK).to_bytes(2, "little"),
            block,
        )
    checksum = zlib.adler32(body, zlib.adler32(line))
    return b"".join((*parts, deflate.compress(body), deflate.flush(), checksum.to_bytes(4, "big")))


def unpack_head(packed: bytes) -> bytes:
    """Return the first line of what `pack_headed` compressed."""
    head, place = b"", len(_HEADER)
    while not head.endswith(b"\n"):
        start = place + _BLOCK_START
        place = start + int.from_bytes(packed[place + 1 : place + 3], "little")
        head += packed[start:place]
    return head[:-1]


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
