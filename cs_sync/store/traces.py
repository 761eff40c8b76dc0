"""Prove that nothing is left of an address, without the rules that erased it."""

import re
import unicodedata
from collections import Counter
from html import unescape
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection

from cs_sync.store.binding import as_json
from cs_sync.store.everywhere import holding, searched_tables, texts_of
from cs_sync.store.persons import Person


def remaining(connection: Connection, person: Person) -> tuple[Counter[str], int]:
    """`table.column` → in how many rows an address still stands; how many columns were searched.

    It reads plainly and not by the rules that erased, so that it finds what they passed over.
    """
    found: Counter[str] = Counter()
    searched = 0
    for table in searched_tables():
        searched += len(texts_of(table))
        for row in holding(connection, table, person.addresses):
            for name, value in row.items():
                read = plainly(value)
                stands = any(_stands_alone(address, read) for address in person.addresses)
                found[f"{table.name}.{name}"] += stands
    return +found, searched


def plainly(value: Any) -> str:
    """Return a value as one text in small letters, without the spellings of pages and HTML."""
    text = value if isinstance(value, str) else as_json(value) if value is not None else ""
    return unicodedata.normalize("NFKC", unescape(unquote(text))).casefold()


def _stands_alone(address: str, text: str) -> bool:
    """Whether the address stands in the text, and not as the end or start of a longer one."""
    wanted, start = plainly(address), 0
    while (at := text.find(wanted, start)) >= 0:
        before = text[:at].rstrip(".-_+'")[-1:]
        touches = at > 0 and text[at - 1] in ".-_+'"
        longer = before.isascii() and before.isalnum() and (touches or text[at - 1].isalnum())
        after = re.match(r"[.-]*[a-z0-9]", text[at + len(wanted) :])
        if not longer and not after:
            return True
        start = at + 1
    return False
