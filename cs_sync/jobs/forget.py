"""Erasing a person everywhere in the store, with the proof, and keeping them out from then on."""

import glob
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from sqlalchemy import select

from cs_sync.contracts.errors import ConfigError, CsSyncError, StoreError
from cs_sync.identity.domains import email_of
from cs_sync.jobs.derive import current_resolution
from cs_sync.jobs.recording import Recorded, recorded_run
from cs_sync.jobs.report import FILE, report
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.forgetting import erase
from cs_sync.store.graph import save_graph
from cs_sync.store.leases import check_lease
from cs_sync.store.persons import Person, find_person, suppress
from cs_sync.store.suppression import read_suppressed
from cs_sync.store.traces import remaining
from cs_sync.store.words import Words
from cs_sync_schemas import Owner, WriteLedger, table_of

OWNER, LEDGER = table_of(Owner), table_of(WriteLedger)


@dataclass(slots=True)
class Forgotten:
    """What was erased: table → rows; and what a person has to see to."""

    rows: dict[str, int]
    addresses: int
    searched: int
    """Columns of text that were searched for the addresses afterwards."""
    notes: list[str] = field(default_factory=list)


def forget(workspace: Workspace, email: str) -> Forgotten:
    """Erase whoever has this address and suppress them for good; counts stay what they were.

    Raises ConfigError for what is no address, StoreError when the proof fails.
    """
    address = email_of(email)
    if address is None:
        raise ConfigError("that is no e-mail address", "give it as name@example.com")
    with recorded_run(workspace, "forget") as recorded:
        person, rows = _erase(recorded, address)
        searched = _prove(recorded, person)
        _compact(workspace)
        recorded.statuses.append("ok")
    notes = [*_kept_owner(workspace, address), *_written(workspace, person)]
    notes += [*_copies(workspace, person), *_rewrite_report(workspace, person)]
    return Forgotten(rows, len(person.addresses), searched, notes)


def _erase(recorded: Recorded, address: str) -> tuple[Person, dict[str, int]]:
    """Erase in one transaction, then let identity say again who is who without the person."""
    workspace, now = recorded.workspace, recorded.workspace.clock()
    with workspace.store.write() as connection:
        check_lease(connection, recorded.held)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        person = find_person(connection, address)
        suppressed = read_suppressed(connection)
        suppress(connection, suppressed, person, now)
        rows = erase(connection, suppressed, person)
    resolution = current_resolution(workspace)
    with workspace.store.write() as connection:
        check_lease(connection, recorded.held)
        save_graph(connection, resolution, now)
    return person, rows


def _prove(recorded: Recorded, person: Person) -> int:
    """Search everything; raises StoreError where an address still stands."""
    with recorded.workspace.store.read() as connection:
        left, searched = remaining(connection, person)
    if left:
        raise StoreError(
            f"the address still stands in {', '.join(sorted(left))}",
            "run the command again; if it stays, report it: nothing else was changed",
        )
    return searched


def _compact(workspace: Workspace) -> None:
    """SQLite keeps what was deleted in free pages and in its log until they are rewritten."""
    if workspace.store.engine.dialect.name == "sqlite":
        with workspace.store.read() as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _kept_owner(workspace: Workspace, address: str) -> Iterator[str]:
    with workspace.store.read() as connection:
        owners = connection.execute(select(OWNER.c.source, OWNER.c.source_id, OWNER.c.email))
        for source, source_id, email in owners:
            if email_of(email) == address:
                yield (
                    f"kept: {source} knows the address as your colleague {source_id} (table owner)"
                )


def _written(workspace: Workspace, person: Person) -> Iterator[str]:
    """Follow-ups in the CRM that may quote the person."""
    with workspace.store.read() as connection:
        rows = connection.execute(
            select(LEDGER.c.destination, LEDGER.c.remote_id).where(
                LEDGER.c.object == "follow_up",
                LEDGER.c.account_id.in_(person.accounts),
                LEDGER.c.remote_id.is_not(None),
            )
        ).all()
    counts = Counter(row.destination for row in rows)
    for destination, count in sorted(counts.items()):
        yield (
            f"outside: {destination} has {count} follow-ups of the person's account, which may"
            " name or quote them; erase the person there too"
        )


def _copies(workspace: Workspace, person: Person) -> Iterator[str]:
    """Files beside the database that still hold the person."""
    path = workspace.store.engine.url.database
    if workspace.store.engine.dialect.name != "sqlite":
        yield "backups: those of the PostgreSQL server still hold the person until they expire"
        path = None
    for file in _beside(Path(path)) if path else ():
        if _holds(file, person):
            yield f"backup: {file} still holds the person; delete it when you can"


def _rewrite_report(workspace: Workspace, person: Person) -> Iterator[str]:
    """Write the report anew if it names or quotes the person; remove it if that does not help."""
    path = workspace.config.folder / FILE
    if not path.exists() or not _is_quoted(path, person):
        return
    try:
        report(workspace)
    except CsSyncError as error:
        path.unlink()
        yield f"report: {path} named the person and was removed; it could not be written: {error}"
        return
    yield f"report: {path} named the person and was written anew; copies of it still do"


def _beside(database: Path) -> Iterator[Path]:
    """Backups of a database, ours and other people's, that lie beside it under its name."""
    at_work = {database.name, *(f"{database.name}-{part}" for part in ("wal", "shm", "journal"))}
    for file in sorted(database.parent.glob(f"{glob.escape(database.stem)}*")):
        is_copy = database.suffix in ("", *file.suffixes)
        if is_copy and file.name not in at_work and file.is_file():
            yield file


def _is_quoted(path: Path, person: Person) -> bool:
    """Whether a page names the person, or repeats what they wrote."""
    page = unescape(path.read_text(encoding="utf-8", errors="replace"))
    known = Words([*person.addresses, *person.names], person.texts)
    return bool(known.out_of(page) != page)


def _holds(file: Path, person: Person) -> bool:
    wanted: list[Any] = [*person.addresses, *person.names]
    content = file.read_bytes().lower()
    return any(text.lower().encode() in content for text in wanted)
