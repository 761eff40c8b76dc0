"""All parts of the soak, one after another, from one seed."""

from random import Random

from tests.postgres import postgres_url
from tests.soak.processes import kill_processes
from tests.soak.reading import read
from tests.soak.tally import Tally
from tests.soak.worlds import WORLDS
from tests.soak.writing import write

EPISODE = 12
"""Runs through which one database lives."""


def soak(runs: int, kills: int, seed: int) -> Tally:
    """So many syncs and pushes under faults, a fifth of them pushes, and so many real kills.

    Every second database that is read into is a PostgreSQL.
    """
    tally, episode = Tally(), 0
    with postgres_url() as server:
        while (left := runs - tally.runs - tally.pushes) > 0:
            # One generator for each, so that an episode is the same whatever went before it.
            rng = Random(f"{seed} {episode}")
            place = episode % (len(WORLDS) + 1)
            if place == len(WORLDS):
                write(rng, min(EPISODE, left), tally)
            else:
                database = server if episode % 2 else None
                read(WORLDS[place], rng, min(EPISODE, left), tally, database)
            episode += 1
    if kills:
        kill_processes(Random(f"{seed} kills"), kills, tally)
    return tally
