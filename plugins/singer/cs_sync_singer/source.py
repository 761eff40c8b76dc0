"""The source: one stream per mapped stream of a tap, each read by a process of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import Any, ClassVar

import orjson

from cs_sync import (
    ConfigError,
    ConnectorConfig,
    CsSyncError,
    Finding,
    Http,
    Limit,
    Page,
    Stream,
    Unreachable,
    Window,
)
from cs_sync_singer.catalog import (
    Catalog,
    find_entry,
    get_properties,
    is_full_table,
    list_message_names,
    list_names,
    select_streams,
)
from cs_sync_singer.config import SingerConfig, TapStream
from cs_sync_singer.messages import TapReading
from cs_sync_singer.process import Tap


class SingerSource:
    """Reads what a Singer tap gives."""

    name: ClassVar[str] = "singer"
    title: ClassVar[str] = "Singer"
    Config: ClassVar[type[ConnectorConfig]] = SingerConfig
    limits: ClassVar[Sequence[Limit]] = ()

    def __init__(self, config: SingerConfig, http: Http) -> None:
        self._config, self._http = config, http
        self._tap = Tap(config, http)
        self._catalog: Catalog | None = None
        self._turn = Lock()
        """One process at a time: taps know nothing of each other's requests."""

    def streams(self) -> Sequence[Stream]:
        """Return the mapped streams."""
        return [self._make_stream(name, rule) for name, rule in self._config.streams.items()]

    def check(self) -> Iterator[Finding]:
        """Check the command, and each stream's fields and first record."""
        try:
            catalog = self._read_catalog()
        except CsSyncError as error:
            yield _find_fault(self._tap.name, error, self._config.section)
            return
        for name, rule in self._config.streams.items():
            try:
                yield Finding(ok=True, subject=name, message=self._check_stream(name, rule))
            except CsSyncError as error:
                yield _find_fault(name, error, self._config.section)
        left = [each for each in list_names(catalog) if not self._is_mentioned(catalog, each)]
        if left:
            message = f"not mapped: {', '.join(left)}"
            yield Finding(ok=True, subject=self._tap.name, message=message)

    def _make_stream(self, name: str, rule: TapStream) -> Stream:
        stream = rule.make_stream(name, partial(self._read, name, rule))
        stream = replace(stream, deletes=rule.find_deletes())
        if rule.replication == "full_table":
            return stream
        return replace(stream, cursor="token", continues=_has_state)

    def _read(self, name: str, rule: TapStream, window: Window) -> Iterator[Page]:
        yield from self._read_pages(name, rule, window.resume)

    def _read_pages(
        self, name: str, rule: TapStream, token: Any = None, page_records: int = 0
    ) -> Iterator[Page]:
        with self._turn:
            catalog = self._read_catalog()
            names = list_message_names(find_entry(catalog, name))
            needed = {
                n for each in rule.needs for n in list_message_names(find_entry(catalog, each))
            }
            reading = TapReading(
                name, rule, names, needed, dict(token or {}), self._http.warn, page_records
            )
            full_table = rule.replication == "full_table"
            documents = {
                "--config": self._config.merge_settings(),
                self._config.catalog_option: select_streams(
                    catalog, [name, *rule.needs], full_table=full_table
                ),
            }
            if _has_state(token):
                documents["--state"] = token["state"]
            yield from self._redact_errors(reading, documents)

    def _redact_errors(self, reading: TapReading, documents: Mapping[str, Any]) -> Iterator[Page]:
        """Yield the pages; no error repeats a secret."""
        lines = self._tap.run(documents)
        try:
            yield from reading.read(lines)
        except Unreachable as error:
            error.message = self._http.redact(error.message)
            error.args = (error.message,)
            raise
        finally:
            lines.close()  # type: ignore[attr-defined]

    def _read_catalog(self) -> Catalog:
        """Return the tap's catalog, which is discovered once.

        Raises:
            Unreachable: The tap does not give one.
        """
        if self._catalog is None:
            path = self._config.catalog
            if path is None:
                documents = {"--config": self._config.merge_settings()}
                text = b"".join(self._tap.run(documents, "--discover"))
            else:
                text = _read_file(self._config, self._config.workspace.folder / path.expanduser())
            self._catalog = self._parse_catalog(text)
        return self._catalog

    def _parse_catalog(self, text: bytes) -> Catalog:
        try:
            catalog = orjson.loads(text)
        except orjson.JSONDecodeError:
            catalog = None
        if not isinstance(catalog, dict) or not list_names(catalog):
            raise Unreachable(
                f"{self._config.catalog or self._tap.name + ' --discover'} gives no catalog",
                f"Give its catalog as a file: catalog = … in {self._config.section}.",
            )
        return catalog

    def _check_stream(self, name: str, rule: TapStream) -> str:
        """Return what is good about a stream.

        Raises:
            CsSyncError: The tap does not have it, or a field of it, or cannot read it.
        """
        entry = find_entry(self._read_catalog(), name)
        for each in rule.needs:
            find_entry(self._read_catalog(), each)
        known = get_properties(entry.get("schema"))
        missing = [] if known is None else list(rule.list_unknown_keys(known))
        if missing:
            where = f"{self._config.section[:-1]}.streams.{name}]"
            raise ConfigError(
                f"the tap lacks what is mapped: {'; '.join(missing)}", f"correct {where}"
            )
        pages = self._read_pages(name, rule, page_records=1)
        page = next(pages)
        pages.close()  # type: ignore[attr-defined]
        for rejection in page.rejected:
            raise ConfigError(
                f"its first record is rejected: {rejection.reason}", "correct the mapping"
            )
        if is_full_table(entry) and rule.replication != "full_table":
            return 'readable; the tap reads all of it: replication = "full_table" finds deletions'
        return "readable"

    def _is_mentioned(self, catalog: Catalog, id: str) -> bool:
        rules = self._config.streams
        mentioned = {*rules, *(each for rule in rules.values() for each in rule.needs)}
        return bool(mentioned & list_message_names(find_entry(catalog, id)))


def _has_state(token: Any) -> bool:
    return isinstance(token, dict) and token.get("state") is not None


def _read_file(config: SingerConfig, path: Any) -> bytes:
    try:
        return bytes(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", f"correct catalog in {config.section}"
        ) from None


def _find_fault(subject: str, error: CsSyncError, section: str) -> Finding:
    remedy = error.remedy or f"Check {section}."
    return Finding(ok=False, subject=subject, message=error.message, remedy=remedy)
