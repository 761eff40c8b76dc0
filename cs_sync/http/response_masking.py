"""Masking of our own credential in vendors' records before they are used."""

import re
from collections.abc import Set
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

if TYPE_CHECKING:  # texts are masked without a client
    from cs_sync.http.errors import Answer

MASK = "•••"
MIN_SECRET_LENGTH = 8
"""A shorter one may be a word or an id of a customer's, and what is stored must stay true."""

_JSON_ESCAPE = re.compile(rb"\\[u/]")
"""Where JSON may spell a character in another way."""


class ResponseMasker:
    """Masks one vendor's credentials in successful responses."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._forms: tuple[str, ...] = ()
        self._needles: tuple[bytes, ...] = ()
        self._lock = Lock()

    def add_secrets(self, secrets: Set[str]) -> None:
        """Mask these secrets from now on."""
        with self._lock:
            self._secrets |= {value for value in secrets if len(value) >= MIN_SECRET_LENGTH}
            forms = {form for value in self._secrets for form in (value, quote(value, safe=""))}
            self._forms = tuple(sorted(forms, key=len, reverse=True))
            self._needles = tuple(orjson.dumps(form)[1:-1] for form in self._forms)

    def mask_response(self, answer: "Answer", request_body: bytes | str | None) -> "Answer | None":
        """Return the response and document without our secrets, if any.

        A page without a secret costs some microseconds; one with a secret is changed in place.
        The response to a token request is left unchanged: the granted token may be the one in
        use.

        Args:
            answer: The response and its decoded body.
            asked: The body of the request.
        """
        response, document = answer
        if not self._may_contain_secret(response.content, document) or self._grants_token(
            request_body, document
        ):
            return None
        from cs_sync.http.errors import replace_body

        if document is None:
            content = response.content
            for needle in self._needles:
                content = content.replace(needle, MASK.encode())
            return replace_body(response, content), None
        clean, changed = self._mask_document(document)
        return (replace_body(response, _dump_json(clean)), clean) if changed else None

    def mask_line(self, line: bytes) -> bytes:
        """Return a line of JSON without our secrets.

        The same object if it has none.
        """
        if not self._needles:
            return line
        if not any(needle in line for needle in self._needles) and not _JSON_ESCAPE.search(line):
            return line
        try:
            clean, changed = self._mask_document(orjson.loads(line))
        except orjson.JSONDecodeError:
            for needle in self._needles:
                line = line.replace(needle, MASK.encode())
            return line
        return _dump_json(clean) if changed else line

    def _may_contain_secret(self, content: bytes, document: Any) -> bool:
        if any(needle in content for needle in self._needles):
            return True
        if b"\\" not in content or not self._needles or not _JSON_ESCAPE.search(content):
            return False
        plain = _dump_json(document)
        return not plain or any(needle in plain for needle in self._needles)

    def _grants_token(self, request_body: bytes | str | None, document: Any) -> bool:
        if not (request_body and isinstance(document, dict) and "access_token" in document):
            return False
        sent = request_body.encode() if isinstance(request_body, str) else request_body
        return any(needle in sent for needle in self._needles)

    def _mask_document(self, document: Any) -> tuple[Any, bool]:
        """Mask the document in place; return it and whether anything was masked."""
        root = [document]
        todo: list[Any] = [root]
        changed = False
        while todo:
            node = todo.pop()
            if isinstance(node, dict):
                named = {self._mask_text(name): value for name, value in node.items()}
                changed |= named.keys() != node.keys()
                node.clear()
                node.update(named)
            for place, value in node.items() if isinstance(node, dict) else enumerate(node):
                if isinstance(value, str):
                    node[place] = self._mask_text(value)
                    changed |= node[place] != value
                elif isinstance(value, (dict, list)):
                    todo.append(value)
        return root[0], changed

    def _mask_text(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        return text


def masking_warning(name: str) -> str:
    """Return the warning for a masked response."""
    return (
        f"{name} repeats the key that we send it among its records; it is stored as {MASK}."
        " Whoever sees those records there has the key: take it out of them, and renew it"
    )


def _dump_json(document: Any) -> bytes:
    """Dump JSON with as few escapes as possible.

    Empty if nested too deeply.
    """
    try:
        return orjson.dumps(document)
    except TypeError:
        return b""
