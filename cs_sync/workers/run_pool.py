"""The processes of a worker's runs, forked from one that has loaded what they need."""

import multiprocessing
import os
import threading
from multiprocessing import connection, forkserver
from multiprocessing.process import BaseProcess

from cs_sync.workers.run_process import (
    AWAY,
    FAILED,
    HELD,
    INTERRUPTED,
    RunOutcome,
    RunRequest,
    serve_run,
)

LOOK_AGAIN = 0.5
"""Seconds after which a waiting thread looks whether the worker is to stop."""
DATABASE_VARIABLE = "CS_SYNC_WORKERS_DATABASE"
"""Where the process that runs are forked from finds the workers' database."""


class RunPool:
    """Starts a process per run and waits for its end.

    Args:
        database: The URL of the workers' database.
        stop: Set when the worker ends: the runs are stopped after their page.
        retry_after: Seconds after which a held workspace, or an absent database, is tried again.
        retry_for: Seconds after which that is given up.
    """

    def __init__(
        self, database: str, stop: threading.Event, retry_after: float, retry_for: float
    ) -> None:
        self._stop, self._retry_after, self._retry_for = stop, retry_after, retry_for
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["cs_sync.workers.warm_up"])
        os.environ[DATABASE_VARIABLE] = database
        forkserver.ensure_running()
        self._ended = threading.Condition()
        self._running = 0

    def perform(self, request: RunRequest) -> RunOutcome:
        """Perform a run, again while something is in its way.

        That is another run on the workspace, or the database being away.
        """
        with self._ended:
            self._running += 1
        try:
            return self._perform_with_retries(request)
        finally:
            with self._ended:
                self._running -= 1
                self._ended.notify_all()

    def wait_for_end(self) -> None:
        """Wait until no run is going on."""
        with self._ended:
            self._ended.wait_for(lambda: self._running == 0)

    def _perform_with_retries(self, request: RunRequest) -> RunOutcome:
        waited = 0.0
        while True:
            outcome = self._perform_once(request)
            if outcome.status not in (HELD, AWAY) or waited >= self._retry_for:
                return outcome
            if self._stop.wait(self._retry_after):
                return RunOutcome(INTERRUPTED, outcome.message)
            waited += self._retry_after

    def _perform_once(self, request: RunRequest) -> RunOutcome:
        if self._stop.is_set():
            return RunOutcome(INTERRUPTED)
        receiving, sending = self._context.Pipe(duplex=False)
        process = self._context.Process(target=serve_run, args=(request, sending))
        process.start()
        sending.close()
        try:
            return self._receive(receiving, process)
        finally:
            receiving.close()
            process.join()

    def _receive(
        self, receiving: "connection.Connection[None, RunOutcome]", process: BaseProcess
    ) -> RunOutcome:
        """Wait for what the process sends; pass on a stop."""
        terminated = False
        while not receiving.poll(LOOK_AGAIN):
            if self._stop.is_set() and not terminated:
                process.terminate()
                terminated = True
        try:
            return receiving.recv()
        except EOFError:
            process.join()
            if terminated:
                return RunOutcome(INTERRUPTED)
            return RunOutcome(
                FAILED,
                f"the run's process ended by itself, with exit code {process.exitcode};"
                " see the system's log, for example for a lack of memory",
            )
