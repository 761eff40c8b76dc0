"""The test bench: one database, one fake vendor, and a wire between that fails as it is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import httpx

from cs_sync.contracts.events import Event
from cs_sync.contracts.source import ConnectorConfig, Workspace
from cs_sync.http import ManualClock, VendorHttp, secrets_of
from cs_sync.store.database import open_store
from cs_sync.store.leases import Held, give_back, take_lease
from cs_sync.testing.databases import empty_database, quick
from cs_sync.testing.vendor import Fake
from cs_sync.testing.wire import Fault, Wire, no_fault

F = TypeVar("F", bound=Fake)


class Bench(Generic[F]):
    """Runs a connector against a fake vendor; every run is a new process on one database."""

    def __init__(self, kind: type[F], folder: Path) -> None:
        self.kind = kind
        self.name: str = kind.connector.name
        self.clock = ManualClock(kind.start)
        self.folder = folder / "workspace"
        self.folder.mkdir()
        self.vendor: F = kind(self.clock.now, self.folder)
        self.wire = Wire(self.vendor.answer, self.clock.now)
        self.path = folder / "store.db"
        self.path.write_bytes(empty_database())
        self.store = open_store(f"sqlite:///{self.path}")
        quick(self.store.engine)
        self._held: Held | None = None

    def close(self) -> None:
        """Give back the lease and close the database."""
        if self._held is not None:
            with self.store.write() as connection:
                give_back(connection, self._held, self.clock.now())
        self.store.close()

    def config(self) -> ConnectorConfig:
        """The connector's configuration, as the host would make it."""
        workspace = Workspace(folder=self.folder)
        settings = {"workspace": workspace, **self.vendor.settings()}
        made: ConnectorConfig = self.kind.connector.Config.model_validate(settings)
        return made

    @contextmanager
    def door(
        self, fault: Fault = no_fault, emit: Callable[[Event], object] = lambda _event: None
    ) -> Iterator[VendorHttp]:
        """The host's Http in a new process: the wire fails like this, and nobody ever sleeps."""
        self.wire.new_process(fault)
        with VendorHttp(
            self.name,
            self.kind.connector.limits,
            emit=emit,
            now=self.clock.now,
            sleep=self.clock.sleep,
            rng=lambda: 0.5,
            client=httpx.Client(transport=self.wire),
            secrets=secrets_of(self.config()),
        ) as door:
            yield door

    @contextmanager
    def opened(self, fault: Fault = no_fault) -> Iterator[Any]:
        """The connector itself in a new process."""
        with self.door(fault) as door:
            yield self.kind.connector(self.config(), door)

    def lease(self) -> Held:
        """The lease for a new process; one that was killed is known to be dead."""
        with self.store.write() as connection:
            if self._held is not None:
                give_back(connection, self._held, self.clock.now())
            self._held = take_lease(connection, "conformance", self.clock.now())
        return self._held

    def later(self, minutes: float) -> None:
        """Let time pass between two runs."""
        self.clock.sleep(minutes * 60)
