"""What is measured: each mode gives a heading and the lines of a table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.sync.contestants.race import Vendor
from benchmarks.sync.rounds import CONTESTANTS, Run, alternate, folder, quietest, run_once
from benchmarks.sync.vendors.process import serving

VENDORS: tuple[Vendor, ...] = ("stripe", "hubspot")
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


MODES: dict[str, Callable[[Plan], Iterator[Table]]] = {
    "cpu": cpu,
    "latency": latency,
    "limits": limits,
    "again": again,
    "memory": memory,
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
