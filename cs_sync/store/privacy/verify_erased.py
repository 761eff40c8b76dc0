"""Proof of erasure: search for an address, independently of the erasure rules."""

import re
import unicodedata
from collections import Counter
from html import unescape
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection

from cs_sync.store.fast.prepared import dump_json
from cs_sync.store.privacy.data_subject import DataSubject
from cs_sync.store.privacy.table_scan import (
    find_address_rows,
    get_text_columns,
    list_searched_tables,
)


def count_remaining_traces(connection: Connection, person: DataSubject) -> tuple[Counter[str], int]:
    """Count the rows with a remaining address, and the columns searched.

    Rows are counted per `table.column`. The search is plain and does not use the erasure rules, so
    that it finds what they missed.
    """
    traces: Counter[str] = Counter()
    searched = 0
    for table in list_searched_tables():
        searched += len(get_text_columns(table))
        for row in find_address_rows(connection, table, person.addresses):
            for name, value in row.items():
                read = normalize_text(value)
                stands = any(_contains_address(address, read) for address in person.addresses)
                traces[f"{table.name}.{name}"] += stands
    return +traces, searched


def normalize_text(value: Any) -> str:
    """Return a value as one case-folded text without escapes.

    URL and HTML escapes are decoded.
    """
    text = value if isinstance(value, str) else dump_json(value) if value is not None else ""
    return unicodedata.normalize("NFKC", unescape(unquote(text))).casefold()


def _contains_address(address: str, text: str) -> bool:
    """Return whether the text contains the address as a whole."""
    needle, start = normalize_text(address), 0
    while (at := text.find(needle, start)) >= 0:
        before = text[:at].rstrip(".-_+'")[-1:]
        touches = at > 0 and text[at - 1] in ".-_+'"
        longer = before.isascii() and before.isalnum() and (touches or text[at - 1].isalnum())
        after = re.match(r"[.-]*[a-z0-9]", text[at + len(needle) :])
        if not longer and not after:
            return True
        start = at + 1
    return False
