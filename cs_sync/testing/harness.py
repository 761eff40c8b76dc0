"""The test harness: one database, one fake vendor, and a fault-injecting transport between."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import httpx

from cs_sync.contracts.events import Event
from cs_sync.contracts.source import ConnectorConfig, WorkspaceInfo
from cs_sync.http import ManualClock, VendorHttp, collect_secrets
from cs_sync.store.engine import open_store
from cs_sync.store.leases import LeaseToken, acquire_lease, release_lease
from cs_sync.testing.databases import make_empty_database, speed_up
from cs_sync.testing.fault_transport import Fault, FaultTransport, pass_through
from cs_sync.testing.vendor import Fake

F = TypeVar("F", bound=Fake)


class Harness(Generic[F]):
    """Runs a connector against a fake vendor; every run is a new process on one database."""

    def __init__(self, kind: type[F], folder: Path) -> None:
        self.kind = kind
        self.name: str = kind.connector.name
        self.clock = ManualClock(kind.start)
        self.folder = folder / "workspace"
        self.folder.mkdir()
        self.vendor: F = kind(self.clock.now, self.folder)
        self.wire = FaultTransport(self.vendor.answer, self.clock.now)
        self.path = folder / "store.db"
        self.path.write_bytes(make_empty_database())
        self.store = open_store(f"sqlite:///{self.path}")
        speed_up(self.store.engine)
        self._held: LeaseToken | None = None

    def close(self) -> None:
        """Release the lease and close the database."""
        if self._held is not None:
            with self.store.write() as connection:
                release_lease(connection, self._held, self.clock.now())
        self.store.close()

    def config(self) -> ConnectorConfig:
        """Return the connector's configuration as the host would build it."""
        workspace = WorkspaceInfo(folder=self.folder)
        settings = {"workspace": workspace, **self.vendor.settings()}
        made: ConnectorConfig = self.kind.connector.Config.model_validate(settings)
        return made

    @contextmanager
    def open_http(
        self, fault: Fault = pass_through, emit: Callable[[Event], object] = lambda _event: None
    ) -> Iterator[VendorHttp]:
        """Open the host's Http in a new process with this fault.

        Without real sleeps.
        """
        self.wire.start_process(fault)
        with VendorHttp(
            self.name,
            self.kind.connector.limits,
            emit=emit,
            now=self.clock.now,
            sleep=self.clock.sleep,
            rng=lambda: 0.5,
            client=httpx.Client(transport=self.wire),
            secrets=collect_secrets(self.config()),
        ) as vendor_http:
            yield vendor_http

    @contextmanager
    def open_connector(self, fault: Fault = pass_through) -> Iterator[Any]:
        """Open the connector itself in a new process."""
        with self.open_http(fault) as vendor_http:
            yield self.kind.connector(self.config(), vendor_http)

    def renew_lease(self) -> LeaseToken:
        """Acquire the lease of a new process.

        A killed one's lease is released first.
        """
        with self.store.write() as connection:
            if self._held is not None:
                release_lease(connection, self._held, self.clock.now())
            self._held = acquire_lease(connection, "conformance", self.clock.now())
        return self._held

    def advance_clock(self, minutes: float) -> None:
        """Let time pass between two runs."""
        self.clock.sleep(minutes * 60)
