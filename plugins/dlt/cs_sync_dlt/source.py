"""The source: one stream per mapped resource, read in memory from our window on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any, ClassVar

from cs_sync import (
    ConfigError,
    ConnectorConfig,
    CsSyncError,
    Finding,
    Http,
    Limit,
    Page,
    Stream,
    Window,
)
from cs_sync_dlt.config import DltConfig, DltStream
from cs_sync_dlt.resources import find_resource, limit_resource, read_items

PAGE_RECORDS = 1000
CHECKED_RECORDS = 50
"""Records that `check` looks at: APIs leave out what is unknown of one."""


class DltSource:
    """Reads what the resources of a dlt source give."""

    name: ClassVar[str] = "dlt"
    Config: ClassVar[type[ConnectorConfig]] = DltConfig
    limits: ClassVar[Sequence[Limit]] = ()

    def __init__(self, config: DltConfig, http: Http) -> None:
        self._config, self._http = config, http
        self._turn = Lock()
        """One resource at a time: dlt knows nothing of our limits."""

    def streams(self) -> Sequence[Stream]:
        """Return the mapped resources."""
        return [self._make_stream(name, rule) for name, rule in self._config.streams.items()]

    def check(self) -> Iterator[Finding]:
        """Ask for one record of every resource."""
        window = Window(None, datetime.now(UTC))
        for name, rule in self._config.streams.items():
            try:
                yield Finding(ok=True, subject=name, message=self._check_stream(name, rule, window))
            except CsSyncError as error:
                remedy = error.remedy or f"Check {self._config.section}."
                yield Finding(ok=False, subject=name, message=error.message, remedy=remedy)

    def _make_stream(self, name: str, rule: DltStream) -> Stream:
        stream = rule.make_stream(name, partial(self._read, name, rule))
        return replace(
            stream,
            cursor="none" if rule.since is None else "time",
            lookback=rule.lookback,
            deletes=rule.find_deletes(),
        )

    def _read(self, name: str, rule: DltStream, window: Window) -> Iterator[Page]:
        """Yield pages.

        None says where to go on, as dlt cannot begin in the middle.
        """
        unseen: set[str] | None = None
        with self._turn:
            items = self._read_items(name, rule, window)
            while chunk := list(islice(items, PAGE_RECORDS)):
                keys = {key for item in chunk if isinstance(item, dict) for key in item}
                missing = set(rule.list_unknown_keys(keys))
                unseen = missing if unseen is None else unseen & missing
                yield rule.map_items(chunk, last=False)
        for place in sorted(unseen or ()):
            self._http.warn(f"{name}: no record has what is mapped: {place}")
        yield rule.map_items([], last=True)

    def _read_items(self, name: str, rule: DltStream, window: Window) -> Iterator[Any]:
        """Yield a resource's objects; no error of it has a secret."""
        try:
            resource = find_resource(self._config, name)
            if rule.since is not None:
                limit_resource(self._config, resource, rule.since, window)
            yield from read_items(name, resource)
        except CsSyncError as error:
            error.message = self._http.redact(error.message)
            error.args = (error.message,)
            raise

    def _check_stream(self, name: str, rule: DltStream, window: Window) -> str:
        """Return what is good about a resource.

        Raises:
            CsSyncError: The source does not have it, it fails, or lacks what is mapped.
        """
        with self._turn:
            items = list(islice(self._read_items(name, rule, window), CHECKED_RECORDS))
        if not items:
            return "readable; it has no record yet"
        known = {key for item in items if isinstance(item, dict) for key in item}
        remedy = f"correct {self._config.section[:-1]}.streams.{name}]"
        missing = list(rule.list_unknown_keys(known))
        if missing:
            what = f"none of the first {len(items)} records has what is mapped"
            raise ConfigError(f"{what}: {'; '.join(missing)}", remedy)
        rejected = rule.map_items(items, last=True).rejected
        if rejected:
            what = f"{len(rejected)} of the first {len(items)} records are rejected"
            raise ConfigError(f"{what}: {rejected[0].reason}", remedy)
        return "readable"
