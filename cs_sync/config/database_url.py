"""Validation of `[database] url`: a SQLite file, or PostgreSQL through psycopg."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url

_DRIVERS = {"sqlite": ("", "pysqlite"), "postgresql": ("", "psycopg")}
_FORMS = "write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
_TIME_OPTIONS = re.compile(r"connect_timeout|keepalives\w*|tcp_user_timeout")
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)([^?]+)(.*)", re.DOTALL)


def validate_database_url(url: str) -> None:
    """Validate a database URL.

    Raises:
        ValueError: No database can be at this URL; the text is "what; remedy".
    """
    if not url.isprintable():
        raise ValueError("has characters that no address has; type it again")
    backend, _, driver = url.partition("://")[0].lower().partition("+")
    if "://" not in url or backend not in _DRIVERS:
        raise ValueError(f"must begin with sqlite:/// or postgresql+psycopg://; {_FORMS}")
    if driver not in _DRIVERS[backend]:
        raise ValueError(f"the driver {driver} is not supported; {_FORMS}")
    parsed = _parse_url(url)
    if backend == "sqlite":
        _validate_sqlite(url, parsed)
    else:
        _validate_options(parsed.query)


def resolve_sqlite_path(url: str, folder: Path) -> str:
    """Return the URL with a relative SQLite path resolved against `folder`."""
    match = _SQLITE.fullmatch(url)
    return f"{match[1]}{folder / match[2]}{match[3]}" if match else url


def _parse_url(url: str) -> URL:
    """Return the parts of the URL; its port must be valid."""
    try:
        port = urlsplit(url).port
    except ValueError as error:
        what = "port" if "port" in str(error).lower() else "host"
        raise ValueError(f"has a {what} that is none; {_FORMS}") from None
    if port == 0:
        raise ValueError(f"has a port that is none; {_FORMS}")
    return make_url(url)


def _validate_sqlite(url: str, parsed: URL) -> None:
    if not url.partition("://")[2].startswith("/"):
        raise ValueError("needs three slashes before the file; write sqlite:///cs_sync.db")
    if parsed.query:
        raise ValueError("takes no options with SQLite; remove what follows the ?")
    if parsed.database in (None, "", ":memory:"):
        raise ValueError("names no file, and nothing would be kept; write sqlite:///cs_sync.db")
    if str(parsed.database).startswith("file:"):
        raise ValueError("must name the file itself; write sqlite:///cs_sync.db")


def _validate_options(query: Mapping[str, str | tuple[str, ...]]) -> None:
    """Check that libpq knows the options and that times are numbers.

    Without psycopg installed, unknown options are not detected.
    """
    for name, value in query.items():
        if _TIME_OPTIONS.fullmatch(name) and not str(value).isdecimal():
            raise ValueError(f"the option {name} must be a whole number; correct {name}=…")
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import make_conninfo
    except ImportError:  # without the driver nothing is connected to, and that is told elsewhere
        return
    for name in query:
        try:
            make_conninfo(**{name: "1"})
        except ProgrammingError:
            raise ValueError(f"PostgreSQL has no option {name}; remove it") from None
