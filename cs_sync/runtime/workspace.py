"""An open workspace: its configuration, database and vendor clients."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import Struct, field
from sqlalchemy import make_url

from cs_sync.contracts.errors import ConfigError, StoreError
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Source, get_concurrency, get_precedence, get_title
from cs_sync.i18n import Translator, get_translator
from cs_sync.plugins import PluginRegistry
from cs_sync.store.engine import Store, open_store
from cs_sync.store.engines.manifest import read_manifest
from cs_sync.store.migrate import migrate_schema
from cs_sync.store.reconnect import ReconnectPolicy

if TYPE_CHECKING:  # a command that asks no vendor starts without what that takes
    from cs_sync.config import Config
    from cs_sync.contracts.destination import Destination
    from cs_sync.http import RequestStats, VendorHttp
    from cs_sync.http.request_budget import MakeBudget
    from cs_sync.sync.stream_sync import OpenSource


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class NoRequests:
    """Stands for the client of a source that makes no requests: to load one takes a while."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> NoReturn:
        raise ConfigError(
            f"{self._name} declares no concurrency, and asks for its client's {attribute}",
            "let it declare how many requests may run at once",
        )

    def count_requests(self, stream: str = "") -> "AbstractContextManager[RequestStats]":
        """Count none."""
        from cs_sync.http import RequestStats

        return nullcontext(RequestStats(stream=stream))


class Workspace(Struct):
    """The context of all jobs, passed as their first argument."""

    config: "Config"
    plugins: PluginRegistry
    store: Store
    emit: Callable[[Event], None]
    clock: Callable[[], datetime] = utc_now
    stop: threading.Event = field(default_factory=threading.Event)
    share_budget: "Callable[[str], MakeBudget] | None" = None
    """Maps a credential's digest to its budget among many processes; None: this one alone."""
    _clients: "dict[str, VendorHttp]" = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)

    @property
    def today(self) -> date:
        """Today in the reporting zone."""
        return self.clock().astimezone(self.config.workspace.timezone).date()

    @property
    def words(self) -> Translator:
        """The translator of follow-ups and reasons in the workspace's language."""
        return get_translator(self.config.workspace.language)

    def sources(self, only: Sequence[str] = ()) -> "list[OpenSource]":
        """Return the configured sources.

        Args:
            only: The names of the sources; all by default.

        Raises:
            ConfigError: A name is not a configured source.
        """
        types = self.config.connectors.types
        configured = [name for name in types if self.plugins.find_source(types[name])]
        unknown = [name for name in only if name not in configured]
        if unknown:
            available = ", ".join(configured) or "none"
            raise ConfigError(
                f"no connector {', '.join(unknown)} reads here", f"configured are: {available}"
            )
        selected = [name for name in configured if not only or name in only]
        self.config.connectors.resolve_secrets(selected)
        return [self._source(name) for name in selected]

    @property
    def precedence(self) -> dict[str, int]:
        """Source → its precedence, also of sources that are configured no more."""
        stated = {name: get_precedence(made) for name, made in self.plugins.sources.items()}
        types = self.config.connectors.types
        return stated | {name: stated[kind] for name, kind in types.items() if kind in stated}

    @property
    def titles(self) -> dict[str, str]:
        """Connector → how people write its name.

        One under a name of its own keeps that.
        """
        types = self.config.connectors.types
        made = {name: self.plugins.find_connector(name) for name in types if name == types[name]}
        return {name: get_title(made[name], name) if made.get(name) else name for name in types}

    def destinations(self) -> "list[tuple[str, Destination]]":
        """Return the configured destinations of scores and follow-ups, by name."""
        names = self.config.write_back.destinations
        return [(name, self.open_destination(name)) for name in names]

    def open_destination(self, name: str) -> "Destination":
        """Return one configured connector that writes.

        Raises:
            ConfigError: A secret is missing.
        """
        made: Any = self.plugins.find_destination(self.config.connectors.types[name])
        opened: Destination = made(
            self.config.connectors[name], self._get_client(name, made.limits)
        )
        return opened

    def _source(self, name: str) -> "OpenSource":
        from cs_sync.sync.concurrency import make_reader_limiter
        from cs_sync.sync.stream_sync import OpenSource

        made: Any = self.plugins.find_source(self.config.connectors.types[name])
        makes_requests = get_concurrency(made) > 0
        client: Any = self._get_client(name, made.limits) if makes_requests else NoRequests(name)
        source: Source = made(self.config.connectors[name], client)
        return OpenSource(name, source, client.count_requests, make_reader_limiter(source))

    def _get_client(self, name: str, limits: Any) -> "VendorHttp":
        """Return the client of a credential.

        Reader and writer share it with one rate limit.
        """
        from cs_sync.http import VendorHttp, collect_secrets, digest_credential

        if name not in self._clients:
            kind = self.config.connectors.types[name]
            reads: Any = self.plugins.find_source(kind)
            secrets = tuple(collect_secrets(self.config.connectors[name]))
            make_budget = None
            if self.share_budget and secrets:
                make_budget = self.share_budget(digest_credential(kind, secrets))
            client = VendorHttp(
                name,
                limits,
                emit=self.emit,
                sleep=self._sleep,
                concurrency=get_concurrency(reads) if reads else None,
                secrets=secrets,
                make_budget=make_budget,
            )
            self._clients[name] = self._closing.enter_context(client)
        return self._clients[name]

    def _sleep(self, seconds: float) -> None:
        """Sleep, unless the run is asked to stop."""
        if self.stop.wait(seconds):
            from cs_sync.sync.session import Interrupted

            raise Interrupted("the run was stopped", "run it again: it resumes where it was")

    def wait_for_database(self) -> None:
        """Wait for a lost database server, with an event per attempt."""
        self.store.patience = ReconnectPolicy(self._sleep, self._emit_retry)

    def _emit_retry(self, seconds: float, reason: str, attempt: int) -> None:
        detail = {"seconds": seconds, "reason": reason, "attempt": attempt}
        self.emit(Event("retrying", self.clock(), detail=detail))

    def close(self) -> None:
        """Close the vendor clients and the database."""
        self._closing.close()
        self.store.close()


@contextmanager
def open_existing_workspace(
    config: "Config", plugins: PluginRegistry, *, read_only: bool = False
) -> Iterator[Workspace]:
    """Open a workspace as it is.

    Nothing is created, migrated or waited for.

    Args:
        config: The configuration.
        plugins: The loaded plugins.
        read_only: Let the database itself refuse to write.

    Raises:
        CsSyncError: There is no database, or it cannot be opened.
    """
    url = make_url(config.database.url.get_secret_value())
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise StoreError("there is no database yet", "run `cs-sync run` once")
    store = open_store(
        url.render_as_string(hide_password=False), config.database.schema_name, read_only=read_only
    )
    workspace = Workspace(config, plugins, store, plugins.emit)
    try:
        yield workspace
    finally:
        workspace.close()


@contextmanager
def open_exported_workspace(
    config: "Config",
    plugins: PluginRegistry,
    engine: str,
    folder: Path | None,
) -> Iterator[Workspace]:
    """Open an export as a workspace of that moment.

    Args:
        config: The configuration.
        plugins: The loaded plugins.
        engine: The name of the engine, or the URL of a copy.
        folder: The folder of the export; None for a copy.

    Raises:
        ConfigError: The engine or the export cannot be used.
    """
    from cs_sync.store.engines.copies import open_copy  # loads a dialect
    from cs_sync.store.engines.open import open_export

    if folder is None:
        store, manifest = open_copy(engine)
    else:
        manifest = read_manifest(folder)
        store = open_export(engine, folder, manifest)
    workspace = Workspace(config, plugins, store, plugins.emit, lambda: manifest.exported_at)
    try:
        yield workspace
    finally:
        workspace.close()


@contextmanager
def open_workspace(
    config: "Config",
    plugins: PluginRegistry,
    *,
    emit: Callable[[Event], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[Workspace]:
    """Open the workspace of a configuration and migrate its database.

    Args:
        config: The configuration.
        plugins: The loaded plugins.
        emit: Receives events; the plugins' observers by default.
        clock: Returns the current time in UTC.

    Raises:
        ConfigError: The database cannot be opened.
    """
    database = config.database
    try:
        store = open_store(database.url.get_secret_value(), database.schema_name)
    except ConfigError as error:
        raise ConfigError(f"{config.path.name}: {error.message}", error.remedy) from None
    workspace = Workspace(config, plugins, store, emit or plugins.emit, clock)
    try:
        backup = migrate_schema(store, clock())
        if backup:
            detail = {"message": f"database migrated; backup at {backup}"}
            workspace.emit(Event("step_ended", clock(), detail=detail))
        workspace.wait_for_database()
        yield workspace
    finally:
        workspace.close()
