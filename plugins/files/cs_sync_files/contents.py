"""What a file holds, as a digest; what was read is compared with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

BLOCK_BYTES = 1 << 20
"""So many bytes are read at once."""


@dataclass(frozen=True, slots=True)
class Content:
    """The first `size` bytes of a file, as their digest."""

    name: str
    size: int
    digest: str

    def to_list(self) -> list[str | int]:
        """Return the content for JSON."""
        return [self.name, self.size, self.digest]


def measure_content(path: Path, size: int | None = None) -> Content:
    """Read and digest a file's first bytes, all of them by default.

    Neither the size nor the time of a file says that it is the same: a copy may keep both. So
    every byte is looked at: about a second for a gigabyte, and a two-hundredth of what reading
    its rows takes.
    """
    digest, done = sha256(), 0
    for block in read_blocks(path, size):
        digest.update(block)
        done += len(block)
    return Content(path.name, done, digest.hexdigest())


@lru_cache(64)
def count_lines(path: Path, content: Content) -> int:
    """Count the lines of a file's content, as text has them."""
    lines, before = 0, b""
    for block in read_blocks(path, content.size):
        lines += block.count(b"\n") - (before == b"\r" and block.startswith(b"\n"))
        if b"\r" in block:  # to look for pairs takes longest
            lines += block.count(b"\r") - block.count(b"\r\n")
        before = block[-1:]
    return lines


def ends_with_newline(path: Path, size: int) -> bool:
    """Return whether the first `size` bytes of a file end a line."""
    with path.open("rb") as stream:
        stream.seek(max(0, size - 1))
        return stream.read(1) == b"\n"


def read_blocks(path: Path, size: int | None) -> Iterator[bytes]:
    """Yield a file's first bytes, or all of them, block by block."""
    left = size
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left)):
            yield block
            left = None if left is None else left - len(block)
