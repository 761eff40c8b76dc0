"""The suppression list: erased people, recognised by keyed digests and never stored again."""

import hmac
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from typing import Any, Literal

from msgspec import Struct, field
from sqlalchemy import Connection, select

from cs_sync.identity.domains import DEFAULT_RULES, normalise_email
from cs_sync.store.privacy.email_addresses import replace_addresses
from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas.tables import SUPPRESSION

Kind = Literal["address", "contact"]


class SuppressionList(Struct):
    """Suppressed addresses and contact ids, with their replacements.

    Only digests are stored, under one random key per workspace: enough to recognise an address,
    and not enough to read it.
    """

    salt: str = field(default_factory=lambda: token_hex(32))
    known: dict[str, str] = field(default_factory=dict)
    """Digest → replacement."""
    turn: threading.RLock = field(default_factory=threading.RLock)
    """Held by whoever stores what was cleaned by this list."""
    _cache: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.known)

    def address(self, text: str) -> str | None:
        """Return the replacement of an address if it is suppressed."""
        email = normalise_email(text.replace("%40", "@").rstrip("."))
        return self._find("address", email) if email else None

    def contact(self, source: str, source_id: Any) -> str | None:
        """Return the replacement of a source's contact id if it is suppressed."""
        return None if source_id is None else self._find("contact", f"{source}|{source_id}")

    def text(self, text: str) -> str:
        """Return the text with every suppressed address replaced."""
        return replace_addresses(text, self.address)

    def value(self, value: Any) -> Any:
        """Replace every suppressed address in a text or nested value.

        In lists and mappings.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(part) for key, part in value.items()}
        return [self.value(part) for part in value] if isinstance(value, list | tuple) else value

    def mentions(self, value: Any) -> bool:
        """Return whether a value contains a suppressed address."""
        return bool(self.value(value) != value)

    def add(self, kind: Kind, value: str, replacement: str) -> str:
        """Suppress a value and return its replacement; an earlier one is kept."""
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


def create_stand_in_address(address: str, company_domains: Iterable[str]) -> str:
    """Create an address without personal data.

    A known company domain is kept, as it ties the record to its account; any other may be
    personal (RFC 2606 reserves .invalid).
    """
    domain = DEFAULT_RULES.to_company_domain(address.rpartition("@")[2])
    stand_in_domain = domain if domain and domain in set(company_domains) else "erased.invalid"
    return f"erased-{token_hex(6)}@{stand_in_domain}"


def read_suppression_list(connection: Connection) -> SuppressionList:
    """Read the suppression list."""
    rows = connection.execute(select(SUPPRESSION)).mappings().all()
    replacements = {row["digest"]: row["replacement"] for row in rows}
    return SuppressionList(rows[0]["salt"], replacements) if rows else SuppressionList()


def save_suppression_list(
    connection: Connection, suppressed: SuppressionList, kinds: Mapping[str, Kind], now: datetime
) -> None:
    """Store new entries of the list, each with its kind.

    Existing ones stay.
    """
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
    upsert_rows(connection, SUPPRESSION, rows)
