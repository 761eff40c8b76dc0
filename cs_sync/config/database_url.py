"""What `[database] url` may say: a SQLite file, or PostgreSQL through psycopg."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url

_DRIVERS = {"sqlite": ("", "pysqlite"), "postgresql": ("", "psycopg")}
_FORMS = "write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
_SECONDS = re.compile(r"connect_timeout|keepalives\w*|tcp_user_timeout")
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)([^?]+)(.*)", re.DOTALL)


def check_database_url(url: str) -> None:
    """Raise ValueError ("what; remedy") if no database can be at this address."""
    if not url.isprintable():
        raise ValueError("has characters that no address has; write it anew")
    backend, _, driver = url.partition("://")[0].lower().partition("+")
    if "://" not in url or backend not in _DRIVERS:
        raise ValueError(f"must begin with sqlite:/// or postgresql+psycopg://; {_FORMS}")
    if driver not in _DRIVERS[backend]:
        raise ValueError(f"the driver {driver} is not supported; {_FORMS}")
    parsed = _parsed(url)
    if backend == "sqlite":
        _check_sqlite(url, parsed)
    else:
        _check_options(parsed.query)


def anchored(url: str, folder: Path) -> str:
    """Return the address with a relative SQLite path made absolute, starting from `folder`."""
    match = _SQLITE.fullmatch(url)
    return f"{match[1]}{folder / match[2]}{match[3]}" if match else url


def _parsed(url: str) -> URL:
    """Return the parts of the address; the port must be one."""
    try:
        port = urlsplit(url).port
    except ValueError as error:
        what = "port" if "port" in str(error).lower() else "host"
        raise ValueError(f"has a {what} that is none; {_FORMS}") from None
    if port == 0:
        raise ValueError(f"has a port that is none; {_FORMS}")
    return make_url(url)


def _check_sqlite(url: str, parsed: URL) -> None:
    if not url.partition("://")[2].startswith("/"):
        raise ValueError("needs three slashes before the file; write sqlite:///cs_sync.db")
    if parsed.query:
        raise ValueError("takes no options with SQLite; remove what follows the ?")
    if parsed.database in (None, "", ":memory:"):
        raise ValueError("names no file, and nothing would be kept; write sqlite:///cs_sync.db")
    if str(parsed.database).startswith("file:"):
        raise ValueError("must name the file itself; write sqlite:///cs_sync.db")


def _check_options(query: Mapping[str, str | tuple[str, ...]]) -> None:
    """Options must be known to libpq, where psycopg is installed to tell, and times be numbers."""
    for name, value in query.items():
        if _SECONDS.fullmatch(name) and not str(value).isdecimal():
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
