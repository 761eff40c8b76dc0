"""Our own key in a vendor's record: it is masked before anybody reads the record."""

import re
from collections.abc import Set
from threading import Lock
from typing import Any
from urllib.parse import quote

import orjson

from cs_sync.http.answers import Answer, holding

MASK = "•••"
SHORTEST = 8
"""A shorter one may be a word or an id of a customer's, and what is stored must stay true."""

_RESPELLED = re.compile(rb"\\[u/]")
"""Where JSON may spell a character in another way."""


class Echo:
    """Knows what proves to one vendor who we are, and takes it out of good answers."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._forms: tuple[str, ...] = ()
        self._needles: tuple[bytes, ...] = ()
        self._lock = Lock()

    def remember(self, secrets: Set[str]) -> None:
        """Mask these from now on."""
        with self._lock:
            self._secrets |= {value for value in secrets if len(value) >= SHORTEST}
            forms = {form for value in self._secrets for form in (value, quote(value, safe=""))}
            self._forms = tuple(sorted(forms, key=len, reverse=True))
            self._needles = tuple(orjson.dumps(form)[1:-1] for form in self._forms)

    def masked(self, answer: Answer, asked: bytes | str | None) -> Answer | None:
        """The response and its document without our secrets; None when it shows none.

        `asked` is the body of the request. A page without a secret costs some microseconds; one
        with a secret is changed in place. An answer to a request for a token stays as it is: the
        token that it grants may be the one we know.
        """
        response, document = answer
        if not self._may_show(response.content, document) or self._grants(asked, document):
            return None
        if document is None:
            content = response.content
            for needle in self._needles:
                content = content.replace(needle, MASK.encode())
            return holding(response, content), None
        clean, found = self._document(document)
        return (holding(response, _written(clean)), clean) if found else None

    def _may_show(self, content: bytes, document: Any) -> bool:
        if any(needle in content for needle in self._needles):
            return True
        if b"\\" not in content or not self._needles or not _RESPELLED.search(content):
            return False
        plain = _written(document)
        return not plain or any(needle in plain for needle in self._needles)

    def _grants(self, asked: bytes | str | None, document: Any) -> bool:
        if not (asked and isinstance(document, dict) and "access_token" in document):
            return False
        sent = asked.encode() if isinstance(asked, str) else asked
        return any(needle in sent for needle in self._needles)

    def _document(self, document: Any) -> tuple[Any, bool]:
        """The document, masked in place, and whether there was something to mask."""
        root = [document]
        todo: list[Any] = [root]
        found = False
        while todo:
            node = todo.pop()
            if isinstance(node, dict):
                named = {self._text(name): held for name, held in node.items()}
                found |= named.keys() != node.keys()
                node.clear()
                node.update(named)
            for place, held in node.items() if isinstance(node, dict) else enumerate(node):
                if isinstance(held, str):
                    node[place] = self._text(held)
                    found |= node[place] != held
                elif isinstance(held, (dict, list)):
                    todo.append(held)
        return root[0], found

    def _text(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        return text


def warning(name: str) -> str:
    """What to say when a vendor's answer had to be masked."""
    return (
        f"{name} repeats the key that we send it among its records; it is stored as {MASK}."
        " Whoever sees those records there has the key: take it out of them, and renew it"
    )


def _written(document: Any) -> bytes:
    """As JSON with as few escapes as can be; nothing when it is nested too deeply to be written."""
    try:
        return orjson.dumps(document)
    except TypeError:
        return b""
