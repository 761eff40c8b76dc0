"""Runs as durable workflows of DBOS: the only file that knows it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import asdict
from sqlalchemy import Connection, Engine, make_url

from cs_sync.contracts.errors import ConfigError
from cs_sync.workers.due_times import Schedule
from cs_sync.workers.run_process import INTERRUPTED, RunOutcome

try:
    from dbos import DBOS, DBOSClient, DBOSConfig
except ModuleNotFoundError as missing:
    raise ConfigError(
        f"workers need the package {missing.name}", "pip install 'customer-success-sync[workers]'"
    ) from missing

QUEUE = "cs-sync runs"
WORKFLOW = "run_workspace"
DBOS_SCHEMA = "cs_sync_dbos"
PROTOCOL = "1"
"""What DBOS calls the application's version: workers of one protocol take over each other's runs.
It goes up when the steps of the workflow change."""
KEEP_FINISHED = timedelta(days=30)

Perform = Callable[[str, datetime], RunOutcome]
Record = Callable[[str, datetime, RunOutcome], None]


class Stopped(BaseException):
    """Ends a workflow without a result, as a killed worker does: another one resumes it."""


class DurableQueue:
    """The queue of runs; each is one workflow, named by its workspace and slot.

    Args:
        url: The PostgreSQL that workers share.
        worker: The unique name of this worker process; DBOS's executor id.
        concurrency: Runs at a time in this worker.
    """

    def __init__(self, url: str, worker: str, concurrency: int) -> None:
        self._concurrency = concurrency
        config: DBOSConfig = {
            "name": "cs-sync",
            "system_database_url": make_url(url)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False),
            "dbos_system_schema": DBOS_SCHEMA,
            "executor_id": worker,
            "application_version": PROTOCOL,
            "sys_db_pool_size": concurrency + 4,
            "use_listen_notify": False,
            "scheduler_polling_interval_sec": 3600.0,
            "console_log_level": "CRITICAL",
            "log_level": "ERROR",
        }
        DBOS(config=config)

    def launch(self, perform: Perform, record: Record, poll_seconds: float) -> None:
        """Begin to take runs from the queue.

        Args:
            perform: Performs a run.
            record: Records its outcome; done at least once.
            poll_seconds: Seconds between two looks at the queue.
        """

        def run_workspace(name: str, slot: str) -> str:
            at = datetime.fromisoformat(slot)

            def perform_step() -> dict[str, object]:
                outcome = perform(name, at)
                if outcome.status == INTERRUPTED:
                    raise Stopped
                return asdict(outcome)

            def record_step(outcome: RunOutcome) -> None:
                record(name, at, outcome)

            outcome = _parse_outcome(DBOS.run_step({"name": "perform"}, perform_step))
            DBOS.run_step({"name": "record"}, record_step, outcome)
            return outcome.status

        DBOS.workflow(name=WORKFLOW)(run_workspace)
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._concurrency,
            polling_interval_sec=poll_seconds,
            on_conflict="always_update",
        )

    def list_running(self) -> dict[str, str]:
        """Return the runs that have begun, with the worker of each."""
        running = DBOS.list_workflows(
            status="PENDING", queue_name=QUEUE, load_input=False, load_output=False
        )
        return {run.workflow_id: run.executor_id or "" for run in running}

    def resume(self, runs: Sequence[str]) -> None:
        """Queue runs of dead workers again.

        Only one worker may do so at a time: a run that another has begun meanwhile would begin
        twice.
        """
        if runs:
            DBOS.resume_workflows(list(runs), queue_name=QUEUE)

    def forget_finished(self, now: datetime) -> None:
        """Delete what DBOS keeps of runs that ended long ago."""
        before = (now - KEEP_FINISHED).astimezone(UTC).isoformat()
        ended = DBOS.list_workflows(
            completed_before=before, limit=1000, load_input=False, load_output=False
        )
        if ended:
            DBOS.delete_workflows([run.workflow_id for run in ended])

    def close(self) -> None:
        """Take no more runs, and close all connections."""
        DBOS.destroy(destroy_registry=True)


class QueueClient:
    """Puts runs into the queue, in a transaction of the caller's."""

    def __init__(self, engine: Engine) -> None:
        self._client = DBOSClient(
            system_database_engine=engine, dbos_system_schema=DBOS_SCHEMA,
            application_name="cs-sync", lazy=True,
        )  # fmt: skip

    def enqueue(self, connection: Connection, name: str, slot: datetime) -> None:
        """Queue the run of a slot, once however often asked."""
        self._client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": WORKFLOW,
                "queue_name": QUEUE,
                "workflow_id": name_run(name, slot),
                "app_version": PROTOCOL,
            },
            name,
            slot.isoformat(),
        )


def name_run(name: str, slot: datetime) -> str:
    """Name the run of a workspace for a slot: its workflow's id."""
    return f"{name}:{slot.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _parse_outcome(stored: dict[str, object]) -> RunOutcome:
    """Return the outcome of a step as DBOS has stored it."""
    schedule = stored.get("schedule")
    return RunOutcome(
        str(stored["status"]),
        str(stored["message"]),
        Schedule(**schedule) if isinstance(schedule, dict) else None,
    )
