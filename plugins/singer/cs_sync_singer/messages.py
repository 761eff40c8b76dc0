"""From a tap's messages to pages: nothing that it says is passed over; pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from cs_sync import Page, Unreachable
from cs_sync_singer.catalog import get_properties
from cs_sync_singer.config import TapStream

PAGE_RECORDS = 1000
"""Records that are stored at once, with the last STATE before them as where to go on."""
SHOWN = 80
_KEPT = "Nothing stored is lost."


@dataclass(slots=True)
class TapReading:
    """The reading of one stream out of a tap's messages.

    `names` are those by which messages call it, `needed` those of streams selected for its sake.
    `token` is where to go on: the tap's last STATE, the version of its table, and the number of
    the page, which makes each token another one.
    """

    stream: str
    rule: TapStream
    names: Collection[str]
    needed: Collection[str]
    token: dict[str, Any]
    warn: Callable[[str], None]
    page_records: int = 0
    _described: set[str] = field(default_factory=set)
    _unmapped: Counter[str] = field(default_factory=Counter)
    _records: int = 0
    _stated: bool = False

    def read(self, lines: Iterable[bytes]) -> Iterator[Page]:
        """Yield pages; the last one when the tap has ended well.

        Raises:
            Unreachable: The tap gave something that is not a message, or that cannot be kept.
        """
        items: list[Any] = []
        lines = iter(lines)
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            item = self._take(_parse(line, number, lines), number)
            if item is _NOTHING:
                continue
            items.append(item)
            if len(items) >= (self.page_records or PAGE_RECORDS):
                yield self._make_page(items, last=False)
                items = []
        self._warn_at_the_end()
        yield self._make_page(items, last=True)

    def _take(self, message: Mapping[str, Any], number: int) -> Any:
        """Take one message into account; return this stream's object in it."""
        kind, name = message["type"], message.get("stream")
        if kind == "STATE":
            self._note_state(message.get("value"))
            return _NOTHING
        if not isinstance(name, str):
            raise _refuse(f"message {number}, a {kind}, names no stream")
        if kind == "SCHEMA":
            self._check_schema(name, message.get("schema"))
            self._described.add(name)
            return _NOTHING
        if name in self.names and message.get("version") is not None:
            self._check_version(message["version"])
        if kind == "ACTIVATE_VERSION":
            return _NOTHING
        if name not in self._described:
            raise _refuse(f"message {number} is a RECORD of {name}, of which there is no SCHEMA")
        if name in self.names:
            self._records += 1
            return message.get("record")
        if name not in self.needed:
            self._unmapped[name] += 1
        return _NOTHING

    def _note_state(self, value: Any) -> None:
        """Remember where to go on; null says nothing."""
        if value is not None:
            self.token["state"], self._stated = value, True

    def _check_schema(self, name: str, schema: Any) -> None:
        """Require what the mapping names; a later SCHEMA replaces an earlier one."""
        known = get_properties(schema)
        if name not in self.names or known is None:
            return
        missing = list(self.rule.list_unknown_keys(known))
        if missing:
            raise Unreachable(
                f"{self.stream}: the tap's SCHEMA lacks what is mapped: {'; '.join(missing)}",
                f"Correct the mapping. {_KEPT}",
            )

    def _check_version(self, version: Any) -> None:
        """Require one version of the table.

        A new one means that others are deleted.
        """
        before = self.token.setdefault("version", version)
        if before == version:
            return
        remedy = 'Add replication = "full_table" to it if that happens at each run; else'
        if self.rule.find_deletes() != "sweep":
            remedy = f'{remedy} add deletes = "sweep" and'
        raise Unreachable(
            f"{self.stream}: the tap has replaced the whole table (version {version} after"
            f" {before}), and does not say which records are gone",
            f"{remedy} run `cs-sync sync --full` for this connector. {_KEPT}",
        )

    def _make_page(self, items: list[Any], *, last: bool) -> Page:
        if self.rule.replication == "full_table":
            return self.rule.map_items(items, last=last)
        page = self.token.pop("page", 0) + 1
        if not last:
            self.token["page"] = page
        return self.rule.map_items(items, dict(self.token), last=last)

    def _warn_at_the_end(self) -> None:
        for name, count in self._unmapped.items():
            self.warn(f"the tap gave {count} records of {name}, which is not mapped")
        if self._records and not self._stated and self.rule.replication == "incremental":
            self.warn(
                f"{self.stream}: the tap gave no STATE, so the next run begins where this did"
            )


_NOTHING = object()
_KINDS = ("RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION")


def parse_message(line: bytes, number: int) -> Mapping[str, Any]:
    """Return the message of a line.

    Raises:
        Unreachable: It is none, or of a kind that may carry records in another way.
    """
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise _refuse(f"line {number} is not JSON: {_show(line)}") from None
    kind = message.get("type") if isinstance(message, dict) else None
    if kind == "BATCH":
        raise Unreachable(
            "the tap writes its records into files (BATCH), which are not read here",
            f"Remove batch_config from its settings. {_KEPT}",
        )
    if kind not in _KINDS:
        raise _refuse(f"line {number} is not a message of Singer: {_show(line)}")
    return cast("Mapping[str, Any]", message)


def _parse(line: bytes, number: int, others: Iterator[bytes]) -> Mapping[str, Any]:
    """Return the message of a line.

    A line that was cut off is the fault of what ended the tap.
    """
    try:
        return parse_message(line, number)
    except Unreachable:
        if not line.endswith(b"\n"):
            for _line in others:
                pass
        raise


def _show(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return repr(text[:SHOWN] + ("…" if len(text) > SHOWN else ""))


def _refuse(what: str) -> Unreachable:
    return Unreachable(what, f"Tell the tap's author. {_KEPT}")
