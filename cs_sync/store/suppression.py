"""People who asked to be forgotten: recognised by keyed digests, and kept out of what is stored."""

import hmac
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from typing import Any, Literal

from sqlalchemy import Connection, select

from cs_sync.identity.domains import BUILT_IN, email_of
from cs_sync.store.addresses import replace_addresses
from cs_sync.store.records import upsert
from cs_sync_schemas import Suppression, table_of

SUPPRESSION = table_of(Suppression)
Kind = Literal["address", "contact"]


@dataclass(slots=True)
class Suppressed:
    """What must not be stored, and what is stored instead; empty until somebody is forgotten.

    Only digests are kept, under one random key for the whole workspace: enough to recognise an
    address when it comes again, and not enough to read it.
    """

    salt: str = field(default_factory=lambda: token_hex(32))
    known: dict[str, str] = field(default_factory=dict)
    """Digest → replacement."""
    turn: threading.RLock = field(default_factory=threading.RLock, repr=False)
    """Held by whoever stores what was cleaned by this list."""
    _cache: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.known)

    def address(self, text: str) -> str | None:
        """What stands for this address, when it belongs to somebody who was forgotten."""
        email = email_of(text.replace("%40", "@").rstrip("."))
        return self._find("address", email) if email else None

    def contact(self, source: str, source_id: Any) -> str | None:
        """The id that stands for this contact record of a source, likewise."""
        return None if source_id is None else self._find("contact", f"{source}|{source_id}")

    def text(self, text: str) -> str:
        """The text with every suppressed address replaced."""
        return replace_addresses(text, self.address)

    def value(self, value: Any) -> Any:
        """Text, or anything made of lists and mappings, with every suppressed address replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(part) for key, part in value.items()}
        return [self.value(part) for part in value] if isinstance(value, list | tuple) else value

    def mentions(self, value: Any) -> bool:
        """Whether a suppressed address stands anywhere in it."""
        return bool(self.value(value) != value)

    def add(self, kind: Kind, value: str, replacement: str) -> str:
        """Suppress one more; the replacement it has, which is the old one if it was known."""
        self._cache.clear()
        return self.known.setdefault(self._digest(kind, value), replacement)

    def _find(self, kind: Kind, value: str) -> str | None:
        key = (kind, value)
        if key not in self._cache:
            if len(self._cache) > _CACHED:
                self._cache.clear()
            self._cache[key] = self.known.get(self._digest(kind, value))
        return self._cache[key]

    def _digest(self, kind: Kind, value: str) -> str:
        text = f"{kind}|{value}".encode("utf-8", "replace")
        return hmac.new(self.salt.encode(), text, sha256).hexdigest()


_CACHED = 100_000


def stand_in(address: str, company_domains: Iterable[str]) -> str:
    """An address that says nothing of a person.

    A domain that is known to be an account's is kept, as it is what ties the record to that
    account; any other one may be the person's own (RFC 2606 reserves .invalid).
    """
    domain = BUILT_IN.company_domain(address.rpartition("@")[2])
    kept = domain if domain and domain in set(company_domains) else "erased.invalid"
    return f"erased-{token_hex(6)}@{kept}"


def read_suppressed(connection: Connection) -> Suppressed:
    """Everybody who was forgotten so far."""
    rows = connection.execute(select(SUPPRESSION)).mappings().all()
    known = {row["digest"]: row["replacement"] for row in rows}
    return Suppressed(rows[0]["salt"], known) if rows else Suppressed()


def save_suppressed(
    connection: Connection, suppressed: Suppressed, kinds: Mapping[str, Kind], now: datetime
) -> None:
    """Store the replacements in `kinds`, each with its kind; what was stored before stays."""
    stored = set(connection.scalars(select(SUPPRESSION.c.digest)))
    rows = [
        {
            "digest": digest,
            "kind": kinds[replacement],
            "salt": suppressed.salt,
            "replacement": replacement,
            "since": now,
        }
        for digest, replacement in suppressed.known.items()
        if digest not in stored and replacement in kinds
    ]
    upsert(connection, SUPPRESSION, rows)
