"""What is measured: each mode gives a heading and the lines of a table."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.job.books import write_books
from benchmarks.sync.contestants.race import Vendor
from benchmarks.sync.rounds import CONTESTANTS, Books, Run, alternate, folder, quietest, run_once
from benchmarks.sync.vendors.process import Server, serving
from tests.postgres import fresh_database, postgres_url

VENDORS: tuple[Vendor, ...] = ("stripe", "hubspot")
FILES: Vendor = "files"
ROWS_PER_ACCOUNT, USAGE_DAYS = 50, 40
LATENCY = 0.1
GROWN = 4
CHANGED = 0.01
Line = Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, the names of the columns, and lines of texts."""

    title: str
    columns: Line
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of each; `size` is objects of every kind."""

    size: int
    rounds: int
    tell: Callable[[str], object]


def cpu(plan: Plan) -> Iterator[Table]:
    """No latency, no limits: what the machine has to do."""
    with serving(plan.size) as server:
        for vendor in VENDORS:
            runs = alternate(CONTESTANTS, vendor, server, plan.rounds, plan.tell)
            yield _compared(f"{vendor}, no latency, no limits, {plan.size} of each kind", runs)


def latency(plan: Plan) -> Iterator[Table]:
    """A tenth of a second for every answer."""
    size = plan.size // 4
    with serving(size, LATENCY) as server:
        for vendor in VENDORS:
            runs = alternate(CONTESTANTS, vendor, server, max(1, plan.rounds // 3), plan.tell)
            yield _compared(f"{vendor}, 100 ms latency, no limits, {size} of each kind", runs)


def limits(plan: Plan) -> Iterator[Table]:
    """The vendors' published limits, enforced, at 100 ms: against what the slowest allows."""
    lines = []
    with serving(plan.size, LATENCY, limited=True) as server:
        for vendor in VENDORS:
            with folder() as place:
                run = run_once("cs_sync", vendor, server, place, paced=True)
            plan.tell(f"{vendor}: {run}")
            lines.append([vendor, *_near_limit(run)])
    columns = ("", "requests", "slowest limit", "it allows in s", "took s", "ratio", "429s")
    yield Table(f"published limits enforced, 100 ms, {plan.size} of each kind", columns, lines)


def again(plan: Plan) -> Iterator[Table]:
    """A first run, one with nothing new, and one with one percent changed."""
    lines = []
    for vendor in VENDORS:
        with serving(plan.size) as server, folder() as place:
            for what in ("first", "nothing new", "1 % changed"):
                if what == "1 % changed":
                    server.change(CHANGED)
                run = run_once("cs_sync", vendor, server, place)
                plan.tell(f"{vendor} {what}: {run}")
                figures = (run.requests, run.cost.records)
                cost = (f"{run.cost.seconds:.2f}", f"{run.cost.cpu:.2f}")
                lines.append([f"{vendor}, {what}", *map(str, figures), *cost])
    columns = ("", "requests", "records read", "s", "CPU s")
    yield Table(f"cs-sync again and again, {plan.size} of each kind", columns, lines)


def memory(plan: Plan) -> Iterator[Table]:
    """The same, and four times as much."""
    peaks: dict[Vendor, list[str]] = {vendor: [] for vendor in VENDORS}
    sizes = (plan.size, plan.size * GROWN)
    for size in sizes:
        with serving(size) as server:
            for vendor in VENDORS:
                run = alternate(("cs_sync",), vendor, server, 1, plan.tell)["cs_sync"][0]
                peaks[vendor].append(f"{run.cost.peak_mb:.0f}")
    columns = ("peak memory of cs-sync, MB", *(f"{size} of each kind" for size in sizes))
    yield Table("memory", columns, [[vendor, *peak] for vendor, peak in peaks.items()])


def databases(plan: Plan) -> Iterator[Table]:
    """PostgreSQL beside SQLite: what a record costs our process, the server's work apart."""
    columns = ("", "SQLite", "PostgreSQL", "PostgreSQL is × SQLite", "by the clock ×")
    lines = []
    with postgres_url() as postgres:
        for vendor in (*VENDORS, FILES):
            with _offer(vendor, plan.size) as source:
                runs = _alternate_databases(vendor, source, postgres, plan)
            ours, theirs = map(quietest, runs)
            assert ours.cost.records == theirs.cost.records
            each = [run.cost.cpu / run.cost.records * 1e6 for run in (ours, theirs)]
            clock = theirs.cost.seconds / ours.cost.seconds
            times = (f"{each[1] / each[0]:.2f}", f"{clock:.2f}")
            lines.append([vendor, *(f"{seconds:.1f}" for seconds in each), *times])
    yield Table(f"µs of CPU of our process per record, {plan.size} of each kind", columns, lines)


@contextmanager
def _offer(vendor: Vendor, size: int) -> Iterator[Server | Books]:
    """A server of a vendor, or a folder of files with about as many rows as it has objects."""
    if vendor != FILES:
        with serving(size) as server:
            yield server
        return
    with folder() as place:
        write_books(place / "books", size // ROWS_PER_ACCOUNT, USAGE_DAYS)
        yield Books(str(place / "books" / "data"))


def _alternate_databases(
    vendor: Vendor, source: Server | Books, postgres: str, plan: Plan
) -> tuple[list[Run], list[Run]]:
    """Read into either database once a round."""
    runs: tuple[list[Run], list[Run]] = [], []
    for number in range(plan.rounds):
        with folder() as first_folder, folder() as other, fresh_database(postgres) as database:
            runs[0].append(run_once("cs_sync", vendor, source, first_folder))
            runs[1].append(run_once("cs_sync", vendor, source, other, database=database))
        for name, run in zip(("SQLite", "PostgreSQL"), runs, strict=True):
            plan.tell(f"{vendor} round {number + 1}/{plan.rounds} {name}: {run[-1].cost}")
    return runs


MODES: dict[str, Callable[[Plan], Iterator[Table]]] = {
    "cpu": cpu,
    "latency": latency,
    "limits": limits,
    "again": again,
    "memory": memory,
    "databases": databases,
}


def _compared(title: str, runs: dict[str, list[Run]]) -> Table:
    def pace(run: Run) -> float:
        return run.cost.records / run.cost.seconds

    def burden(run: Run) -> float:
        return run.cost.cpu / run.cost.records * 100_000

    best = {name: quietest(some) for name, some in runs.items()}
    ours = best["cs_sync"]
    lines = [
        [
            name,
            f"{pace(run):,.0f}",
            f"{burden(run):.1f}",
            f"{run.cost.peak_mb:.0f}",
            f"{pace(ours) / pace(run):.2f}",
            f"{burden(run) / burden(ours):.2f}",
        ]
        for name, run in best.items()
    ]
    columns = (
        *("", "records/s", "CPU s per 100,000", "peak MB"),
        *("cs-sync is × as fast", "and × as light on the CPU"),
    )
    return Table(title, columns, lines)


def _near_limit(run: Run) -> Line:
    seen = run.seen
    return (
        str(run.requests),
        str(seen["slowest"]),
        f"{seen['allows_in']:.1f}",
        f"{run.cost.seconds:.1f}",
        f"{run.cost.seconds / seen['allows_in']:.2f}",
        str(seen["refused"]),
    )
