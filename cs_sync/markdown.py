"""Wrap the paragraphs and lists of Markdown pages."""

import re
from collections.abc import Iterator

WIDTH = 100
_ITEM = re.compile(r"(\s*(?:[-*]|\d+\.) )(?=\S)")
_PIECE = re.compile(r"(?:`[^`]+`|!?\[(?:`[^`]+`|[^\]])*\]\([^)]*\)|\S)+")
_MARKER = re.compile(r"[-+*>|=#]+|\d+[.)]")
"""What would begin a list, quote, table or heading at the start of a line."""


def wrap_markdown(text: str) -> str:
    """Wrap paragraphs and list items that have a line over `WIDTH`.

    Tables, headings and fenced code stay; a link or a code span is kept in one piece.

    Args:
        text: A page of Markdown.

    Returns:
        The page, with the same line end at its end.
    """
    return "\n".join(_wrap_lines(text.split("\n")))


def _wrap_lines(lines: list[str]) -> Iterator[str]:
    block: list[str] = []
    fenced = False
    for line in lines:
        is_fence = line.lstrip().startswith("```")
        is_verbatim = fenced or is_fence or not line or line.lstrip()[:1] in ("|", "#", "<")
        if is_verbatim or _ITEM.match(line):
            yield from _wrap_block(block)
            block = []
        if is_verbatim:
            yield line
        else:
            block.append(line)
        fenced ^= is_fence
    yield from _wrap_block(block)


def _wrap_block(block: list[str]) -> Iterator[str]:
    if all(len(line) <= WIDTH for line in block):
        yield from block
        return
    item = _ITEM.match(block[0])
    margin = item[1] if item else re.match(r"\s*", block[0])[0]  # type: ignore[index]
    pieces = _split_pieces(" ".join(line.strip() for line in block)[len(margin.strip()) :])
    line = margin + pieces[0]
    for piece in pieces[1:]:
        if len(line) + 1 + len(piece) <= WIDTH:
            line += f" {piece}"
        else:
            yield line
            line = " " * len(margin) + piece
    yield line


def _split_pieces(text: str) -> list[str]:
    """Split at spaces, but not in links, code or before markers.

    A marker is a `_MARKER`.
    """
    pieces: list[str] = []
    for piece in _PIECE.findall(text):
        if pieces and _MARKER.fullmatch(piece):
            pieces[-1] += f" {piece}"
        else:
            pieces.append(piece)
    return pieces
