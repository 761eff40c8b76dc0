"""Observers: databases of ours that are synced with a simulated Stripe at chosen instants."""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import Connection

from cs_sync.identity import resolve_identities
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.spans import Span
from cs_sync.store.queries.billing import read_billing_facts
from cs_sync.store.queries.identity_graph import (
    read_identity_facts,
    read_known_identities,
    save_graph,
)
from cs_sync_stripe.source import StripeSource
from tests.histories.drawing import START
from tests.histories.simulated import Act, Stripe
from tests.known_failures.benches import bench_of
from tests.known_failures.books import SETTINGS

Spans = Mapping[str, Sequence[Span]]


def watch(acts: Sequence[Act], looks: Sequence[datetime]) -> tuple[Stripe, Spans]:
    """A new database, synced at each of these instants: Stripe then, and the MRR we believe in."""
    stripe = Stripe(START)
    with (
        tempfile.TemporaryDirectory() as folder,
        bench_of(Path(folder), StripeSource, SETTINGS, stripe.records.books) as bench,
    ):
        for look in looks:
            stripe.play(acts, look)
            # The connector reads what was there before the second in which it asks.
            now = look + timedelta(seconds=1)
            bench.clock.sleep((now - bench.clock.now()).total_seconds())
            run = bench.sync()
            assert run.status == "ok", run.problems()
        with bench.store.write() as connection:
            return stripe, _spans(connection, bench.clock.now())


def _spans(connection: Connection, now: datetime) -> Spans:
    resolution = resolve_identities(
        read_identity_facts(connection), read_known_identities(connection), {}
    )
    save_graph(connection, resolution, now)
    accounts = sorted(account.id for account in resolution.accounts)
    actual = read_billing_facts(connection, accounts)
    return {facts.account_id: calculate_account_mrr(facts, MrrPolicy()).spans for facts in actual}


def month_ends(until: datetime) -> list[datetime]:
    """The last microsecond of every month that is over."""
    firsts = [datetime(START.year + n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(1, 48)]
    return [first - timedelta(microseconds=1) for first in firsts if first <= until]


RHYTHMS = {"daily": (1, 60), "weekly": (7, 420), "gaps": (34, 900), "mixed": (None, 700)}
"""Days from one sync to the next (None: now and then), and how long before the end the first is."""


def draw_looks(rng: Random, rhythm: str, until: datetime) -> list[datetime]:
    """Instants of syncs up to an end: daily, weekly, with gaps over a month, or mixed."""
    every, long = RHYTHMS[rhythm]
    looks, at = [], until - timedelta(days=rng.randrange(long // 2, long), hours=rng.randrange(24))
    while at < until:
        looks.append(at)
        at += timedelta(days=every or rng.choice((1, 1, 3, 7, 20, 40)), minutes=rng.randrange(60))
    return [*looks, until]
