"""What every contestant is given, and how it is measured."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

Vendor = Literal["stripe", "hubspot", "files"]
"""Where objects come from; `files`, which need no server, are read by cs-sync alone."""
PAGE = 100
STRIPE_KEY = "rk_live_loopback"
HUBSPOT_TOKEN = "pat-loopback"


@dataclass(frozen=True, slots=True)
class Task:
    """What to read, from where, and the folder to put the database in.

    `paced`: keep the vendor's published limits; else the server has none and nobody need wait.
    `database`: another one than SQLite, by its URL; cs-sync alone takes it.
    """

    vendor: Vendor
    url: str
    folder: Path
    paced: bool = False
    database: str | None = None


@dataclass(slots=True)
class Cost:
    """Wall and CPU seconds of the work alone; the peak is of the whole process, in megabytes."""

    records: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure what happens inside; imports and the set-up of the database stay outside."""
    cost = Cost()
    began, cpu = time.perf_counter(), time.process_time()
    yield cost
    cost.seconds, cost.cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cost.peak_mb = peak / 1024 if sys.platform != "darwin" else peak / 1024**2


def run(contestant: Callable[[Task], Cost]) -> None:
    """Read the task from the command line, do it, and print what it cost as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("vendor", choices=get_args(Vendor))
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("--database")
    cost = contestant(Task(**vars(parser.parse_args())))
    print(json.dumps(asdict(cost)))
