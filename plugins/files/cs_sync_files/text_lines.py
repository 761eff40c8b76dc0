"""Lines of a text file in its encoding; those that are not text are noted."""

from codecs import getincrementaldecoder
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Literal, TextIO

from cs_sync_files.contents import Content
from cs_sync_files.raw_rows import refuse_file

_CHECKED_LINES = 1000
"""So many lines are looked through at once for what is not a text."""
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SAMPLE_BYTES = 1 << 16
_UNICODE = ("utf-8", "utf-16")


class LineReader:
    """The lines of a text file; notes lines with NUL characters or invalid bytes."""

    def __init__(self, stream: TextIO, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self.broken = False

    def __iter__(self) -> Iterator[str]:
        while lines := list(islice(self._stream, _CHECKED_LINES)):
            text = "".join(lines)
            if "\0" not in text and (text.isascii() or is_utf8(text)):
                yield from lines
                continue
            for line in lines:
                if "\0" in line or not is_utf8(line):
                    self.broken = True
                yield line

    def take_fault(self) -> tuple[str, str] | None:
        """Return the fault of the lines since the last call, if any."""
        if not self.broken:
            return None
        self.broken = False
        return "bad_encoding", f"is not {self._encoding.upper()} text; {describe_remedy()}"


def is_utf8(line: str) -> bool:
    """Return whether a text can be written as UTF-8."""
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def describe_remedy() -> str:
    """Return what to do about a file in another encoding."""
    return 'save the file as UTF-8, or set its encoding, such as "windows-1252"'


def open_text(
    path: Path, encoding: str, after: Content | None = None, newline: Literal[""] | None = ""
) -> TextIO:
    """Open a text file, behind contents of it that end a line."""
    name = "utf-8-sig" if encoding == "utf-8" and after is None else encoding
    if after is None:
        return path.open(encoding=name, errors="surrogateescape", newline=newline)
    binary = path.open("rb")
    binary.seek(after.size)
    return TextIOWrapper(binary, encoding=name, errors="surrogateescape", newline=newline)


def check_encoding(path: Path, encoding: str) -> None:
    """Refuse a file whose first bytes contradict its encoding.

    Raises:
        ConfigError: It is UTF-16 or UTF-8, and read as something else.
    """
    with path.open("rb") as binary:
        sample = binary.read(_SAMPLE_BYTES)
    if sample[:2] in UTF16_MARKS and encoding != "utf-16":
        refuse_file(path, "is UTF-16", 'save it as UTF-8, or set encoding = "utf-16"')
    if encoding not in _UNICODE and not sample.isascii() and is_utf8_sample(sample):
        refuse_file(path, f"is UTF-8, not {encoding}", 'set encoding = "utf-8"')


def is_utf8_sample(sample: bytes) -> bool:
    """Return whether the first bytes of a file are UTF-8.

    The last character of a full sample may be cut off.
    """
    try:
        getincrementaldecoder("utf-8")().decode(sample, final=len(sample) < _SAMPLE_BYTES)
    except UnicodeDecodeError:
        return False
    return True
