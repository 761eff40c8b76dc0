"""The operator in the real Airflow: how a run ends is how the task ends."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="`make test-schedulers` runs it, as it is large")
pytestmark = pytest.mark.slow("runs Airflow")

ACCOUNT = "source_id,name\na1,Acme\n"
BAD_ROW = f"{ACCOUNT},Nameless\n"


def write_workspace(folder: Path, accounts: str | None) -> str:
    """A workspace on a folder of files; None leaves the folder away."""
    text = '[workspace]\nname = "acme"\n[connectors.files]\npath = "data"\n'
    (folder / "cs_sync.toml").write_text(text)
    if accounts is not None:
        (folder / "data").mkdir()
        (folder / "data" / "accounts.csv").write_text(accounts)
    return str(folder / "cs_sync.toml")


def execute(config: str, **options: Any) -> Any:
    """Run the one task of a DAG."""
    from airflow.sdk import DAG

    from cs_sync_airflow import CsSyncOperator

    with DAG("customers", schedule=None) as dag:
        CsSyncOperator(task_id="run", config=config, allow_large_changes=True, **options)
    [task] = dag.tasks
    return task.execute({})


def test_a_complete_run_succeeds_and_returns_what_it_did(tmp_path: Path) -> None:
    done = execute(write_workspace(tmp_path, ACCOUNT))
    assert (done["status"], done["problems"]) == ("ok", "")


def test_an_incomplete_run_succeeds_with_a_warning_or_is_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    config = write_workspace(tmp_path, BAD_ROW)
    done = execute(config)
    assert done["status"] == "partial"
    assert "1 record was rejected" in done["problems"]
    with pytest.raises(AirflowSkipException, match="1 record was rejected"):
        execute(config, soft_fail=True)


def test_a_failed_run_fails_and_a_wrong_configuration_is_not_tried_again(tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    config = write_workspace(tmp_path, None)
    with pytest.raises(AirflowException, match="data") as raised:
        execute(config)
    assert type(raised.value) is AirflowException
    Path(config).write_text("[workspac]")
    with pytest.raises(AirflowFailException, match="workspac"):
        execute(config)
