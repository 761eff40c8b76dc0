"""Digests in the database: bytes on SQLite, text elsewhere."""

import re
from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator

_HEX = re.compile("[0-9a-f]{32}")


class Digest(TypeDecorator[str]):
    """A digest of 32 hexadecimal digits; SQLite stores its 16 bytes."""

    impl = String
    cache_ok = True

    def __repr__(self) -> str:
        return "Digest()"

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Convert to bytes on SQLite.

        What is no digest, as an empty one, stays text.
        """
        if value is None or dialect.name != "sqlite" or not _HEX.fullmatch(value):
            return value
        return bytes.fromhex(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return the hexadecimal digits."""
        return value.hex() if isinstance(value, bytes) else value
