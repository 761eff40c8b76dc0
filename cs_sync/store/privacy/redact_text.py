"""Redaction of a person's name and quotations from derived texts."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

ERASED_TEXT = "[erased]"
_START = 24
"""Characters of a quotation that are enough to know it by; the rest may have been cut off."""


class TextRedactor(Struct, frozen=True):
    """Replaces names in texts, and whole texts that quote the person."""

    names: Collection[str]
    quotations: Collection[str]

    def redact_value(self, value: Any) -> Any:
        """Redact a text, or nested lists and mappings."""
        if isinstance(value, str):
            return ERASED_TEXT if self._has_quotation(value) else self._redact_names(value)
        if isinstance(value, Mapping):
            return {key: self.redact_value(part) for key, part in value.items()}
        return [self.redact_value(part) for part in value] if isinstance(value, list) else value

    def _has_quotation(self, text: str) -> bool:
        plain = _normalize_spaces(text)
        starts = (_normalize_spaces(quotation)[:_START] for quotation in self.quotations)
        return any(_contains_start(start, plain) for start in starts if start)

    def _redact_names(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            text = re.sub(
                rf"(?<!\w){re.escape(name)}(?!\w)", ERASED_TEXT, text, flags=re.IGNORECASE
            )
        return text


def _normalize_spaces(text: str) -> str:
    return " ".join(text.split()).casefold()


def _contains_start(start: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(start)}", text) is not None
