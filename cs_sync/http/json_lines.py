"""Answers in JSON Lines: documents one by one as they arrive, however many."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import httpx
import orjson

from cs_sync.http import bounds
from cs_sync.http.errors import repair_document, replace_body
from cs_sync.http.response_masking import ResponseMasker

_GZIP = b"\x1f\x8b"
_MAX_SHOWN = 60
"""A line that is not JSON and no longer than this is what the vendor says in its place."""


def fold_response(
    response: httpx.Response, fold: Callable[[Iterator[Any]], Any], masker: ResponseMasker
) -> tuple[httpx.Response, bool]:
    """Fold the documents of a good answer; read any other.

    Returns:
        The answer without a body, the result among its extensions as "folded"; and whether a
        secret of ours was masked.
    """
    masked = False

    def mask(line: bytes) -> bytes:
        nonlocal masked
        clean = masker.mask_line(line)
        masked = masked or clean is not line
        return clean

    try:
        if not response.is_success:
            response.read()
            return response, False
        with bounds.any_size():
            folded = fold(read_documents(response.iter_bytes(), mask))
    finally:
        response.close()
    emptied = replace_body(response, b"")
    emptied.extensions["folded"] = folded
    return emptied, masked


def read_documents(chunks: Iterable[bytes], mask: Callable[[bytes], bytes]) -> Iterator[Any]:
    """Yield the document of each line that is not blank.

    Args:
        chunks: The body as it arrives.
        mask: Masks our secrets in a line.

    Raises:
        httpx.DecodingError: A line is not JSON: it was cut short, or is not a record.
    """
    for line in split_lines(unpack_gzip(chunks)):
        if line.strip():
            yield _parse_line(mask(line))


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends.

    Raises:
        BodyTooLarge: A line is larger than an answer may be.
    """
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        if whole:
            yield b"".join([*begun, whole[0]])
            yield from whole[1:]
            begun, size = [], 0
        begun.append(rest)
        size += len(rest)
        if size > bounds.MAX_BYTES:
            raise bounds.BodyTooLarge(f"a line is larger than {bounds.MAX_BYTES // 2**20} MB")
    yield b"".join(begun)


def unpack_gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked if gzip packed it."""
    arriving = iter(chunks)
    first = next(arriving, b"")
    whole = chain([first], arriving)
    if not first.startswith(_GZIP):
        yield from whole
        return
    try:
        yield from _inflate_members(whole)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


def _inflate_members(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what is in one or more gzip members, in small chunks."""
    inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    for rest in packed:
        while rest:
            if inflate.eof:
                inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            yield inflate.decompress(rest, bounds.CHUNK_BYTES)
            rest = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
    if not inflate.eof:
        raise httpx.DecodingError("the gzip file is cut short")


def _parse_line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        mended = repair_document(line)
    if mended is None:
        shown = line.decode("utf-8", "replace").strip() if len(line) <= _MAX_SHOWN else "cut short"
        raise httpx.DecodingError(f"a line of the answer is not JSON: {shown}")
    return orjson.loads(mended)
