"""An open workspace: its configuration, its database and the doors to its vendors."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from cs_sync.config import Config
from cs_sync.contracts.destination import Destination
from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Source
from cs_sync.http import VendorHttp, secrets_of
from cs_sync.plugins import Plugins
from cs_sync.store.database import Store, open_store
from cs_sync.store.migrating import migrate
from cs_sync.store.patience import Patience
from cs_sync.sync.reading import Interrupted
from cs_sync.sync.streams import OpenSource
from cs_sync.words import Words, words_in


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Workspace:
    """Everything a job needs; jobs take it as their first argument."""

    config: Config
    plugins: Plugins
    store: Store
    emit: Callable[[Event], None]
    clock: Callable[[], datetime] = utc_now
    stop: threading.Event = field(default_factory=threading.Event)
    _doors: dict[str, VendorHttp] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)

    @property
    def today(self) -> date:
        """Today in the reporting zone."""
        return self.clock().astimezone(self.config.workspace.timezone).date()

    @property
    def words(self) -> Words:
        """How follow-ups and reasons are put, in the workspace's language."""
        return words_in(self.config.workspace.language)

    def sources(self, only: Sequence[str] = ()) -> list[OpenSource]:
        """The configured connectors that read, or those named. Raises ConfigError."""
        types = self.config.connectors.types
        configured = [name for name in types if types[name] in self.plugins.sources]
        unknown = [name for name in only if name not in configured]
        if unknown:
            known = ", ".join(configured) or "none"
            raise ConfigError(
                f"no connector {', '.join(unknown)} reads here", f"configured are: {known}"
            )
        wanted = [name for name in configured if not only or name in only]
        self.config.connectors.use(wanted)
        return [self._source(name) for name in wanted]

    def destinations(self) -> list[tuple[str, Destination]]:
        """The connectors that scores and follow-ups are written to, as far as configured."""
        return [self._destination(name) for name in self.config.write_back.destinations]

    def _destination(self, name: str) -> tuple[str, Destination]:
        made: Any = self.plugins.destinations[self.config.connectors.types[name]]
        return name, made(self.config.connectors[name], self._door(name, made.limits))

    def _source(self, name: str) -> OpenSource:
        made: Any = self.plugins.sources[self.config.connectors.types[name]]
        door = self._door(name, made.limits)
        source: Source = made(self.config.connectors[name], door)
        return OpenSource(name, source, door.counting)

    def _door(self, name: str, limits: Any) -> VendorHttp:
        """One door, and so one budget, per credential; reader and writer share it."""
        if name not in self._doors:
            reads: Any = self.plugins.sources.get(self.config.connectors.types[name])
            door = VendorHttp(
                name,
                limits,
                emit=self.emit,
                sleep=self._sleep,
                concurrency=reads.concurrency if reads else None,
                secrets=secrets_of(self.config.connectors[name]),
            )
            self._doors[name] = self._closing.enter_context(door)
        return self._doors[name]

    def _sleep(self, seconds: float) -> None:
        """Wait, unless the run is asked to stop."""
        if self.stop.wait(seconds):
            raise Interrupted("the run was stopped", "run it again: it resumes where it was")

    def wait_for_database(self) -> None:
        """From now on a database server that went away is waited for, with a word each time."""
        self.store.patience = Patience(self._sleep, self._tell_away)

    def _tell_away(self, seconds: float, reason: str, attempt: int) -> None:
        detail = {"seconds": seconds, "reason": reason, "attempt": attempt}
        self.emit(Event("retrying", self.clock(), detail=detail))

    def close(self) -> None:
        """Close the doors and the database."""
        self._closing.close()
        self.store.close()


@contextmanager
def open_workspace(
    config: Config,
    plugins: Plugins,
    *,
    emit: Callable[[Event], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[Workspace]:
    """The workspace of a configuration, its database brought to this version's schema."""
    database = config.database
    try:
        store = open_store(database.url.get_secret_value(), database.schema_name)
    except ConfigError as error:
        raise ConfigError(f"{config.path.name}: {error.message}", error.remedy) from None
    workspace = Workspace(config, plugins, store, emit or plugins.emit, clock)
    try:
        backup = migrate(store, clock())
        if backup:
            detail = {"message": f"database migrated; backup at {backup}"}
            workspace.emit(Event("step_ended", clock(), detail=detail))
        workspace.wait_for_database()
        yield workspace
    finally:
        workspace.close()
