"""The command line in a folder of its own, and the books of a company small enough to add up."""

import io
import json
import re
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import httpx
import time_machine

from cs_sync.cli import main
from cs_sync.report import extract_text
from cs_sync_schemas.times import count_microseconds

NOW = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
"""A Tuesday, 9 o'clock in Warsaw."""

KNOWLEDGE = ("first_seen_at", "last_seen_at", "changed_at")
"""Columns that say when and how we learned of a record, not what it is."""


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Standard output as JSON."""
        actual = json.loads(self.out)
        assert isinstance(actual, list)
        return actual

    @property
    def messages(self) -> str:
        """Both streams in one line, for messages that are folded."""
        return " ".join(f"{self.out} {self.err}".split())


@dataclass
class Place:
    """A workspace's folder; commands run in this process, a minute after one another."""

    path: Path
    now: datetime = NOW
    ran: list[Ran] = field(default_factory=list)

    def configure(self, text: str) -> None:
        (self.path / "cs_sync.toml").write_text(dedent(text), encoding="utf-8")
        (self.path / "cs_sync.toml").chmod(0o600)

    def write(self, name: str, text: str) -> None:
        """A file of the folder; lines may be indented as the test is."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text).lstrip(), encoding="utf-8")

    def run(self, *line: str) -> Ran:
        """One command, as the process would print and end it."""
        out, err = io.StringIO(), io.StringIO()
        config = str(self.path / "cs_sync.toml")
        with (
            time_machine.travel(self.now, tick=True),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main(["--config", config, *line])
            ended = datetime.now(UTC)
        self.now = max(self.now + timedelta(minutes=1), ended)  # never back, on a busy machine
        self.ran.append(Ran(code, out.getvalue(), err.getvalue()))
        return self.ran[-1]

    def copy_to(self, path: Path) -> "Place":
        """The same in another folder, at the same time of day."""
        shutil.copytree(self.path, path, dirs_exist_ok=True)
        return Place(path, self.now)

    def json(self, *line: str) -> list[dict[str, Any]]:
        """The rows of a command that must go well."""
        ran = self.run("--format", "json", *line)
        assert ran.code == 0, ran
        return ran.rows

    def select(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows straight from the database file."""
        with closing(sqlite3.connect(self.path / "cs_sync.db")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values)]

    def write_row(self, statement: str, *values: Any) -> None:
        """Change the database file behind our back."""
        stored = [count_microseconds(v) if isinstance(v, datetime) else v for v in values]
        with closing(sqlite3.connect(self.path / "cs_sync.db")) as connection, connection:
            connection.execute(statement, stored)

    def lose(self, *tables: str) -> None:
        """Empty these tables of the database file."""
        with closing(sqlite3.connect(self.path / "cs_sync.db")) as connection, connection:
            for table in tables:
                connection.execute(f"DELETE FROM {table}")

    def contents(self) -> list[str]:
        """Every row of the database but those that tell of runs."""
        with closing(sqlite3.connect(self.path / "cs_sync.db")) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = {name for (name,) in tables} - {"run", "run_stream", "lease"}
            return [
                f"{name} {row}"
                for name in sorted(names)
                for row in connection.execute(f'SELECT * FROM "{name}"')
            ]

    def tables(self) -> list[str]:
        """Names of the tables of source records."""
        columns = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
        actual = self.select(f"{columns} WHERE m.type = 'table' AND c.name = 'row_hash'")
        return sorted(row["name"] for row in actual)

    def records(self, *, but: tuple[str, ...] = KNOWLEDGE) -> dict[str, list[dict[str, Any]]]:
        """Every source record that is stored, by table, without when we learned of it."""
        actual = {}
        for table in self.tables():
            rows = self.select(f"SELECT * FROM {table} ORDER BY source, source_id, row_hash")
            actual[table] = [{k: v for k, v in row.items() if k not in but} for row in rows]
        return {table: rows for table, rows in actual.items() if rows}

    def facts(self) -> frozenset[str]:
        """Every stored source record as a text, for comparing sets of them."""
        return frozenset(f"{table} {row}" for table, rows in self.records().items() for row in rows)

    def everything(self) -> str:
        """All that the folder holds and all that was printed, to look for secrets in."""
        files = [p for p in self.path.rglob("*") if p.is_file() and p.name != "cs_sync.toml"]
        texts = [path.read_bytes().decode("utf-8", "replace") for path in files]
        texts += [extract_text(path.read_text("utf-8")) for path in files if path.suffix == ".html"]
        return "\n".join([*texts, *(f"{ran.out}\n{ran.err}" for ran in self.ran)])


CONFIG = """
    [workspace]
    name = "small"
    timezone = "Europe/Warsaw"
    currency = "EUR"
    [connectors.files]
    path = "data"
"""

BOOKS = {
    "accounts.csv": """
        source_id,name,domain,attr.plan
        alpha,Alpha,alpha.example,team
        beta,Beta,beta.example,team
        gamma,Gamma,gamma.example,solo
        delta,Delta,delta.example,solo
        """,
    "contacts.csv": """
        source_id,account,email,name
        ann,alpha,ann@alpha.example,Ann
        ben,alpha,ben@alpha.example,Ben
        cleo,beta,cleo@beta.example,Cleo
        dan,gamma,dan@gamma.example,Dan
        """,
    "subscriptions.csv": """
        source_id,account,status,started_at,currency,canceled_at,ended_at,cancel_reason
        s-alpha,alpha,active,2025-01-01,EUR,,,
        s-beta,beta,active,2025-01-15,EUR,,,
        s-gamma,gamma,canceled,2025-01-01,EUR,2026-02-11,2026-02-20,too_expensive
        s-delta,delta,active,2026-02-05,EUR,,,
        """,
    "subscription_items.csv": """
        source_id,subscription,valid_from,unit_amount,quantity,interval,interval_count
        i-alpha,s-alpha,2025-01-01,2000,10,month,1
        i-alpha,s-alpha,2026-02-10,2000,12,month,1
        i-beta,s-beta,2025-01-15,120000,1,year,1
        i-gamma,s-gamma,2025-01-01,5000,1,month,1
        i-delta,s-delta,2026-02-05,9000,1,month,3
        """,
    "discounts.csv": """
        source_id,subscription,percent_off,duration,starts_at
        d-beta,s-beta,25,forever,2026-02-01
        """,
    "invoices.csv": """
        source_id,account,subscription,number,status,currency,issued_at,due_at,amount_due,amount_remaining
        in-beta,beta,s-beta,B-7,open,EUR,2026-01-15,2026-02-20,120000,120000
        """,
    "tickets.csv": """
        source_id,account,requester,subject,topic,status,opened_at,solved_at
        11,alpha,ann,Old,export,solved,2025-12-01,2025-12-02
        12,alpha,ann,Export stops,export,solved,2026-02-16T10:00,2026-02-18T10:00
        13,alpha,ben,Export is slow,export,open,2026-02-20T10:00,
        """,
    "survey_responses.csv": """
        source_id,kind,contact,score,scale_min,scale_max,answered_at,comment
        n1,nps,ann,9,0,10,2026-02-12T10:00,
        n2,nps,ben,10,0,10,2026-02-13T10:00,
        n3,nps,dan,7,0,10,2026-02-03T10:00,
        n4,nps,cleo,2,0,10,2026-02-04T10:00,
        n5,nps,cleo,3,0,10,2026-03-09T10:00,Too slow
        c1,csat,ann,5,1,5,2026-02-18T12:00,
        c2,csat,ben,4,1,5,2026-02-19T12:00,
        c3,csat,ben,2,1,5,2026-02-21T12:00,
        """,
    "usage_days.csv": "account,contact,day,events\n"
    + "".join(f"alpha,ann,2026-02-{day:02},3\n" for day in range(2, 16))
    + "".join(f"alpha,ben,2026-02-{day:02},1\n" for day in range(9, 16))
    + "".join(f"alpha,ann,2026-03-{day:02},2\n" for day in range(2, 7)),
}
BOOKS = {name: dedent(text).lstrip() for name, text in BOOKS.items()}
"""Four accounts. Seats are 20.00 a month, a quarter of Delta's is 90.00, Beta's year 1 200.00."""


def small_company(path: Path) -> Place:
    """The books and their configuration in a folder."""
    place = Place(path)
    place.configure(CONFIG)
    for name, text in BOOKS.items():
        place.write(f"data/{name}", text)
    return place


def synced_company(path: Path) -> Place:
    """The small company a minute after it has read its books."""
    place = small_company(path)
    database = place.path / "cs_sync.db"
    database.write_bytes(_sync_books())
    database.chmod(0o600)
    place.now += timedelta(minutes=1)
    return place


@cache
def _sync_books() -> bytes:
    """The database after a sync of the books; done once."""
    with TemporaryDirectory() as folder:
        place = small_company(Path(folder))
        ran = place.run("sync")
        assert ran.code == 0, ran
        return (place.path / "cs_sync.db").read_bytes()


DAY = date(2026, 11, 20)
"""Acme's today in these tests."""


@dataclass
class Acme(Place):
    """A workspace on a sandbox; its clock shows the sandbox's time."""

    url: str = ""
    config: str = ""

    def connect(self, *connectors: str, replace: Mapping[str, str] | None = None) -> None:
        """Configure these connectors only (all without a name), some texts replaced."""
        sections = [s for s in re.split(r"(?m)^(?=\[)", self.config) if self._wanted(s, connectors)]
        text = "".join(sections)
        for old, new in (replace or {}).items():
            assert old in text
            text = text.replace(old, new)
        self.configure(text)

    def run(self, *line: str) -> Ran:
        self.now = datetime.combine(DAY, datetime.now(UTC).time(), UTC)
        return super().run(*line)

    @staticmethod
    def _wanted(section: str, connectors: tuple[str, ...]) -> bool:
        actual = re.match(r"\[(?:connectors\.(\w+)|(write_back))", section)
        if not actual or not connectors:
            return True
        return (actual[1] or "hubspot") in connectors

    def streams(self) -> dict[str, str]:
        """`source stream` → its status in the newest run."""
        (newest,) = self.json("runs", "--limit", "1")
        return {f"{s['source']} {s['stream']}": s["status"] for s in newest["streams"]}

    def calm(self) -> None:
        """Clear the sandbox's faults."""
        self.disturb()

    def disturb(self, *faults: dict[str, Any]) -> None:
        """Make the next answers fail; replaces what waits."""
        httpx.post(f"{self.url}/_sandbox/faults", json=list(faults)).raise_for_status()

    def edit(self, **edit: Any) -> None:
        """What somebody does in the portal."""
        httpx.post(f"{self.url}/_sandbox/edit", json=edit).raise_for_status()
