"""Results per account, kept with what they rest on and up to when they hold.

A kind of result has a state: the basis (a digest of everything but the accounts' own facts) and
the instant up to which the facts are taken into account. With the same basis only the accounts
that changed since are computed again.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import chain

import orjson
from msgspec import Struct, field
from sqlalchemy import Connection, LargeBinary, delete, select, type_coerce

from cs_sync.contracts.errors import StoreError
from cs_sync.store.engine import Store
from cs_sync.store.leases import read_free_token
from cs_sync.store.upserts import split_chunks, upsert_rows
from cs_sync_schemas.packed import UnreadableText, pack_text, unpack_bytes, unpack_text
from cs_sync_schemas.tables import KEPT_RESULT

RESULT = KEPT_RESULT
PACKED = type_coerce(RESULT.c.content, LargeBinary)
"""The contents as they are stored."""
STATE_KEY = ""


class KeptResults(Struct, frozen=True):
    """The kept results of a kind under a basis: key → packed text; none without a state."""

    state: bytes | None = None
    known_at: datetime | None = None
    contents: Mapping[str, bytes] = field(default_factory=dict)


class KeptUpdate(Struct, frozen=True):
    """What is new of a kind, computed from the state that was read."""

    kind: str
    basis: str
    before: bytes | None
    """The state that was read; None: nothing of it could be used."""
    known_at: datetime
    contents: Mapping[str, bytes]
    gone: Collection[str] = ()
    """The keys that are no more."""

    @property
    def is_needed(self) -> bool:
        """Whether anything differs from what is kept."""
        return self.before is None or bool(self.contents or self.gone)


def read_kept(connection: Connection, kind: str, basis: str) -> KeptResults:
    """Read the kept results of a kind.

    Those on another basis are of no use, nor are those with a state that cannot be read: it was
    packed by another version, like all of its kind.
    """
    rows = connection.execute(select(RESULT.c.key, PACKED).where(RESULT.c.kind == kind))
    contents = {row[0]: row[1] for row in rows}
    state = contents.pop(STATE_KEY, None)
    written = None if state is None else _read_state(state)
    if written is None or written["basis"] != basis:
        return KeptResults()
    return KeptResults(state, datetime.fromisoformat(written["known_at"]), contents)


def _read_state(state: bytes) -> dict[str, str] | None:
    try:
        written: dict[str, str] = orjson.loads(unpack_text(state))
    except UnreadableText:
        return None
    return written


def unpack_kept(packed: bytes) -> bytes:
    """Return the text of a kept result.

    Raises:
        StoreError: The bytes are damaged.
    """
    try:
        return unpack_bytes(packed)
    except UnreadableText as error:
        raise StoreError(
            f"a kept result cannot be read: {error}",
            "run DELETE FROM kept_result in the database: what it keeps is computed again",
        ) from error


def save_kept(connection: Connection, update: KeptUpdate) -> None:
    """Keep what is new, unless somebody else has changed its state."""
    if not update.is_needed:
        return
    of_kind = RESULT.c.kind == update.kind
    if update.before is None:
        connection.execute(delete(RESULT).where(of_kind))
    elif update.before != connection.scalar(
        select(PACKED).where(of_kind, RESULT.c.key == STATE_KEY).with_for_update()
    ):
        return
    for chunk in split_chunks(sorted(update.gone)):
        connection.execute(delete(RESULT).where(of_kind, RESULT.c.key.in_(chunk)))
    state = {"basis": update.basis, "known_at": update.known_at.isoformat()}
    contents = chain(update.contents.items(), [(STATE_KEY, pack_text(orjson.dumps(state)))])
    rows = ({"kind": update.kind, "key": key, "content": text} for key, text in contents)
    upsert_rows(connection, RESULT, rows)


def save_between_runs(store: Store, update: KeptUpdate, token: int | None, now: datetime) -> None:
    """Keep what is new, unless a run worked since.

    What a run at work stores may be dated before what was read, and would be missed.

    Args:
        store: The store.
        update: What is new.
        token: The lease's token when the state was read; None if a run was at work.
        now: The current time.
    """
    if token is None or not update.is_needed:
        return
    with suppress(StoreError), store.write() as connection:  # a copy costs time, not truth
        if read_free_token(connection, now) == token:
            save_kept(connection, update)
