"""Taking a person's name and words out of texts that were made from them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

GONE = "[erased]"
_START = 24
"""Characters of a quotation that are enough to know it by; the rest may have been cut off."""


@dataclass(frozen=True, slots=True)
class Words:
    """Names are replaced where they stand; a text that quotes the person is replaced whole."""

    names: Collection[str]
    quotations: Collection[str]

    def out_of(self, value: Any) -> Any:
        """Text, or anything made of lists and mappings, without them."""
        if isinstance(value, str):
            return GONE if self._quotes(value) else self._nameless(value)
        if isinstance(value, Mapping):
            return {key: self.out_of(part) for key, part in value.items()}
        return [self.out_of(part) for part in value] if isinstance(value, list) else value

    def _quotes(self, text: str) -> bool:
        plain = _plain(text)
        starts = (_plain(quotation)[:_START] for quotation in self.quotations)
        return any(_stands_in(start, plain) for start in starts if start)

    def _nameless(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", GONE, text, flags=re.IGNORECASE)
        return text


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _stands_in(start: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(start)}", text) is not None
