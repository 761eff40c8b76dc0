"""Erasure of a person from the whole store, with proof and permanent suppression."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection

from cs_sync.contracts.errors import ConfigError, CsSyncError, StoreError
from cs_sync.i18n.counts import count_noun
from cs_sync.identity.domains import normalise_email
from cs_sync.jobs.derive import list_own_fields, resolve_accounts
from cs_sync.queries.report import REPORT_FILE, create_report, list_report_copies
from cs_sync.report import extract_text
from cs_sync.runtime.run_session import RunSession, record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.privacy.compact import compact_database, overwrite_deleted_rows
from cs_sync.store.privacy.data_subject import DataSubject, find_data_subject, suppress_data_subject
from cs_sync.store.privacy.erase import erase_data_subject
from cs_sync.store.privacy.redact_text import TextRedactor
from cs_sync.store.privacy.suppression import read_suppression_list
from cs_sync.store.privacy.verify_erased import count_remaining_traces
from cs_sync.store.queries.crm_records import read_owner_addresses
from cs_sync.store.queries.identity_graph import save_graph
from cs_sync.store.write_ledger import count_written_follow_ups


class ErasureResult(Struct):
    """The erased rows by table, and the remaining manual steps."""

    rows: dict[str, int]
    addresses: int
    searched: int
    """Columns of text that were searched for the addresses afterwards."""
    notes: list[str] = field(default_factory=list)


def erase_person(workspace: Workspace, email: str) -> ErasureResult:
    """Erase the person with an e-mail address and suppress them.

    Counts are unchanged.

    Args:
        workspace: The workspace.
        email: The person's e-mail address.

    Returns:
        The erased rows, and notes on the remaining copies.

    Raises:
        ConfigError: The text is not an e-mail address.
        StoreError: The address is still found after the erasure.
    """
    address = normalise_email(email)
    if address is None:
        raise ConfigError("that is not an e-mail address", "give it as name@example.com")
    with record_run(workspace, "forget") as recorded:
        person, rows = _erase_and_resolve(recorded, address)
        searched = _verify_erasure(recorded, person)
        compact_database(workspace.store)
        recorded.statuses.append("ok")
    notes = [*_describe_kept_owners(workspace, address), *_describe_crm_copies(workspace, person)]
    notes += [*_describe_backups(workspace, person), *_rewrite_report(workspace, person)]
    return ErasureResult(rows, len(person.addresses), searched, notes)


def _erase_and_resolve(recorded: RunSession, address: str) -> tuple[DataSubject, dict[str, int]]:
    """Erase the person in one transaction, then resolve the accounts without them."""
    workspace, now = recorded.workspace, recorded.workspace.clock()

    def erase(connection: Connection) -> tuple[DataSubject, dict[str, int]]:
        overwrite_deleted_rows(connection)
        person = find_data_subject(connection, address)
        suppressed = read_suppression_list(connection)
        suppress_data_subject(connection, suppressed, person, now)
        return person, erase_data_subject(connection, suppressed, person)

    person, rows = recorded.transact(erase)
    resolution, own = resolve_accounts(workspace), list_own_fields(workspace)
    recorded.transact(lambda connection: save_graph(connection, resolution, now, now, own))
    return person, rows


def _verify_erasure(recorded: RunSession, person: DataSubject) -> int:
    """Search the whole store; raise StoreError if an address is still found.

    Returns:
        The number of searched text columns.
    """
    with recorded.workspace.store.read() as connection:
        left, searched = count_remaining_traces(connection, person)
    if left:
        raise StoreError(
            f"the address is still in {', '.join(sorted(left))}",
            "run the command again; if it stays, report it: nothing else was changed",
        )
    return searched


def _describe_kept_owners(workspace: Workspace, address: str) -> Iterator[str]:
    with workspace.store.read() as connection:
        for source, source_id, email in read_owner_addresses(connection):
            if normalise_email(email) == address:
                yield (
                    f"kept: {source} knows the address as your colleague {source_id} (table owner)"
                )


def _describe_crm_copies(workspace: Workspace, person: DataSubject) -> Iterator[str]:
    """Yield a note per destination with follow-ups that may quote the person."""
    with workspace.store.read() as connection:
        counts = count_written_follow_ups(connection, person.accounts)
    for destination, count in sorted(counts.items()):
        yield (
            f"outside: {destination} has {count} follow-ups of the person's account, which may"
            " name or quote them; erase the person there too"
        )


def _describe_backups(workspace: Workspace, person: DataSubject) -> Iterator[str]:
    """Yield a note per backup that still holds the person."""
    path = workspace.store.engine.url.database
    if workspace.store.engine.dialect.name != "sqlite":
        yield "backups: those of the PostgreSQL server still hold the person until they expire"
        path = None
    for file in _find_backups(Path(path)) if path else ():
        if _contains_person(file, person):
            yield f"backup: {file} still holds the person; delete it when you can"


def _rewrite_report(workspace: Workspace, person: DataSubject) -> Iterator[str]:
    """Rewrite a report that names the person; delete such copies.

    A report that cannot be written is deleted.
    """
    copies = [copy for copy in list_report_copies(workspace) if _mentions_person(copy, person)]
    for copy in copies:
        copy.unlink()
    if copies:
        named = count_noun(len(copies), "dated copy", "dated copies")
        yield f"report: {named} of reports removed, which named the person"
    path = workspace.config.folder / REPORT_FILE
    if not path.exists() or not _mentions_person(path, person):
        return
    try:
        create_report(workspace)
    except CsSyncError as error:
        path.unlink()
        yield f"report: {path} named the person and was removed; it could not be written: {error}"
        return
    yield f"report: {path} named the person and was written anew; copies of it still do"


def _find_backups(database: Path) -> Iterator[Path]:
    """Yield files beside a database with its name, whoever made them."""
    at_work = {database.name, *(f"{database.name}-{part}" for part in ("wal", "shm", "journal"))}
    for file in sorted(database.parent.glob(f"{glob.escape(database.stem)}*")):
        is_copy = database.suffix in ("", *file.suffixes)
        if is_copy and file.name not in at_work and file.is_file():
            yield file


def _mentions_person(path: Path, person: DataSubject) -> bool:
    """Return whether a report names or quotes the person."""
    page = extract_text(path.read_text(encoding="utf-8", errors="replace"))
    redactor = TextRedactor([*person.addresses, *person.names], person.texts)
    return bool(redactor.redact_value(page) != page)


def _contains_person(file: Path, person: DataSubject) -> bool:
    needles: list[Any] = [*person.addresses, *person.names]
    content = file.read_bytes().lower()
    return any(text.lower().encode() in content for text in needles)
