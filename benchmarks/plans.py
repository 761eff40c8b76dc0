"""`python -m benchmarks.plans`: which statements grow faster than the books, and their plans.

Every statement of signals, facts and KPIs, and of those that find changed accounts, is run on the
books of two sizes; then a day of use of one account in a hundred is new. Counted are the steps of
SQLite's virtual machine, which no neighbour changes: a statement that takes more than 1.1 times the
steps per account is printed with its query plan at the larger size.
"""

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, create_engine, event, func, select

from benchmarks.job.books import TODAY, touch_books, write_books
from cs_sync.health import EVIDENCE_QUERIES, SIGNALS, build_day_scope
from cs_sync.health.signals.usage import select_use_by_owner
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.metrics.registry import list_builtin_metrics
from cs_sync.store.queries.changed_accounts import build_change_statements
from cs_sync_schemas.tables import USAGE_DAY

STEPS = 1_000
"""Instructions of the virtual machine per count."""
MOST = 1.15
"""A growth exponent above it is printed with the plan; nought of steps is not a growth."""
ONE = ("a000001",)


def main() -> None:
    """Print the growth of every statement, the fastest first, and plans of those that grow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plans", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=[300, 1_200])
    small, large = sorted(parser.parse_args().sizes)
    with tempfile.TemporaryDirectory() as parent:
        files = {size: _make_books(Path(parent) / str(size), size) for size in (small, large)}
        least, most = (_count_all(files[size]) for size in (small, large))
        growth = {
            name: math.log(max(most[name], 1) / max(least[name], 1), large / small)
            for name in least
        }
        print(f"| statement | steps, thousands, at {large:,} | growth exponent |")
        print("| --- | ---: | ---: |")
        for name, exponent in sorted(growth.items(), key=lambda item: -item[1]):
            print(f"| {name} | {most[name]:,} | {exponent:.2f} |")
        statements = dict(_list_statements(files[large]))
        for name, exponent in growth.items():
            if exponent > MOST and most[name] > 20:
                print(f"\n{name}")
                print("\n".join(_explain(files[large], statements[name])))


def _make_books(folder: Path, size: int) -> Path:
    """Write books and read them into a database, the last day of use after the rest."""
    write_books(folder, size, 60)
    command = [sys.executable, "-m", "cs_sync", "sync"]
    for accounts in (range(0), range(0, size, 100)):
        touch_books(folder, accounts, 0)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "cs_sync.db"


def _list_statements(file: Path) -> Iterator[tuple[str, Select[Any]]]:
    """Yield the statements by name; of signals also those about one account."""
    policy = MrrPolicy.preset("default")
    scope = replace(build_day_scope(TODAY), policy=policy.hash)
    alone = replace(scope, accounts=ONE)
    for name, signal in SIGNALS.items():
        yield f"signal {name}", signal.build(scope)
        yield f"signal {name} of one account", signal.build(alone)
    for name, build in EVIDENCE_QUERIES.items():
        yield f"facts {name}", build(scope)
        yield f"facts {name} of one account", build(alone)
    yield "days of use", select_use_by_owner(scope)
    yield "days of use of one account", select_use_by_owner(alone)
    periods = list_whole_periods(TODAY - timedelta(days=62), TODAY, "month", "UTC")
    of_metrics = Scope(periods, policy=policy)
    for metric in list_builtin_metrics():
        yield f"metric {metric.name}", metric.build_current_statement(of_metrics)
    with _connect(file) as connection:
        since = connection.scalar(select(func.max(USAGE_DAY.c.changed_at)))
    assert since is not None
    for is_bounded in (False, True):
        for number, statement in enumerate(build_change_statements(is_bounded=is_bounded)):
            name = f"changed accounts, {number}{' before a day' if is_bounded else ''}"
            yield name, statement.params(since=since, until=TODAY)


def _count_all(file: Path) -> dict[str, int]:
    return {name: _count_steps(file, statement) for name, statement in _list_statements(file)}


def _count_steps(file: Path, statement: Select[Any]) -> int:
    """Count the thousands of steps that a statement takes."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    with _connect(file) as connection:
        connection.connection.driver_connection.set_progress_handler(step, STEPS)  # type: ignore[union-attr]
        connection.execute(statement).all()
    return count


def _explain(file: Path, statement: Select[Any]) -> Iterator[str]:
    """Yield the lines of a query plan, indented."""
    depths = {0: 0}
    with _connect(file) as connection:
        event.listen(connection, "before_cursor_execute", _ask_for_the_plan, retval=True)
        lines = connection.execute(statement).cursor.fetchall()
    for number, parent, _, line in lines:
        depths[number] = depths.get(parent, 0) + 1
        yield "    " + "  " * depths[number] + str(line)


@contextmanager
def _connect(file: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _ask_for_the_plan(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> Any:
    return f"EXPLAIN QUERY PLAN {statement}", given


if __name__ == "__main__":
    main()
