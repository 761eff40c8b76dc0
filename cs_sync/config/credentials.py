"""Checks of a connector's credentials: malformed keys, and addresses that expose them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from cs_sync.config.problems import Problem, iterate_secret_fields
from cs_sync.config.secrets import is_own_reference
from cs_sync.contracts.http import is_loopback

_VARIABLE = re.compile(r"\$\{?\w+\}?|%\w+%|\$?env\s*[:.(].*", re.IGNORECASE)


def find_credential_problems(
    table: Mapping[str, Any], model: type[BaseModel], key: str
) -> Iterator[Problem]:
    """Yield the problems of a `[connectors.NAME]` table's address and secrets."""
    yield from _find_address_problems(table.get("base_url"), f"{key}.base_url")
    for name, value in iterate_secret_fields(model, table, key):
        if isinstance(value, str):
            yield from _find_secret_problems(value, name)


def _find_secret_problems(value: str, key: str) -> Iterator[Problem]:
    if not value.strip():
        yield Problem(key, "is empty", "write env:NAME, and the key into that variable")
    elif is_own_reference(value):
        return
    elif _VARIABLE.fullmatch(value):
        yield Problem(key, "is not a key but looks like a variable", "write it as env:NAME")
    elif value != value.strip() or not value.isprintable():
        yield Problem(key, "has a blank or a line break too many", "remove it")


def _find_address_problems(url: object, key: str) -> Iterator[Problem]:
    """Yield an address's problems: https, or plain http on loopback."""
    if not isinstance(url, str) or is_own_reference(url):
        return
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        yield Problem(key, "is not an address", "write it as https://HOST")
        return
    if parts.scheme not in ("https", "http") or not parts.hostname:
        yield Problem(key, "must be an https:// address", f"begin it with https:// {_LOOPBACK}")
    elif parts.username is not None or parts.password is not None:
        remedy = "remove what stands before the @; keys have keys of their own in this table"
        yield Problem(key, "contains a name or password", remedy)
    elif parts.scheme == "http" and not is_loopback(parts.hostname):
        what = "must be an https:// address; plain http would send the key in the clear"
        yield Problem(key, what, f"begin it with https:// {_LOOPBACK}")


_LOOPBACK = "(http:// is for 127.0.0.1 and localhost only)"
