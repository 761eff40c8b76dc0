"""The list of workspaces on the command line, and its mistakes: one sentence each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cs_sync.cli import main
from tests.postgres import fresh_database
from tests.workers.pebble_server import Village
from tests.workers.worker_processes import Place, parse_rows

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(postgres: str, tmp_path: Path) -> Iterator[Place]:
    village = Village()
    village.url = "http://127.0.0.1:9"
    with fresh_database(postgres) as url:
        yield Place(tmp_path, url, village)


@pytest.fixture
def run(place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command of workspaces; its exit code, and both outputs."""
    monkeypatch.setenv("CS_SYNC_WORKERS_DATABASE", place.url)

    def command(*line: str) -> tuple[int, str, str]:
        code = main(["--format", "json", "workspaces", *line])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def add(place: Place, run: Run, name: str, *more: str, **how: Any) -> tuple[int, str, str]:
    file = place.write(name, **how)
    return run("add", str(file), "--env-file", str(file.with_suffix(".env")), *more)


def test_a_workspace_from_its_first_day_to_its_last(place: Place, run: Run) -> None:
    code, _, stderr = add(place, run, "acme", cron="0 5 * * *")
    assert (code, "acme added; first run at " in stderr) == (0, True)
    assert (
        f"acme.env holds secrets, and other users can read it → chmod 600 {place.folder}" in stderr
    )
    (row,) = parse_rows(run("list")[1])
    assert row["workspace"] == "acme"
    assert row["cron"] == "0 5 * * *"
    assert row["place"].endswith("/acme")
    assert row["env_file"] == str(place.folder / "acme.env")
    code, out, stderr = run("status")
    assert (code, stderr) == (0, "0 workers alive; start one with cs-sync workers start\n")
    assert parse_rows(out)[0] | {"due": ""} == {
        "workspace": "acme", "state": "waiting", "due": "", "last_status": None,
        "last_ended_at": None, "failures": 0, "message": None,
    }  # fmt: skip
    assert run("pause", "acme")[0] == 0
    assert parse_rows(run("status")[1])[0]["state"] == "paused"
    assert run("resume", "acme")[0] == 0
    assert parse_rows(run("status")[1])[0]["state"] == "waiting"
    code, _, stderr = run("remove", "acme")
    assert code == 0
    assert stderr.startswith("acme removed; its data stay in ")
    assert parse_rows(run("list")[1]) == []
    assert add(place, run, "acme")[0] == 0


def test_two_alike_are_refused(place: Place, run: Run) -> None:
    assert add(place, run, "acme")[0] == 0
    code, _, stderr = add(place, run, "acme")
    assert (code, stderr) == (2, (
        f"error: there is a workspace acme already, from {place.folder}/acme.toml\n"
        "  → choose another --name, or cs-sync workspaces remove acme first\n"
    ))  # fmt: skip
    code, _, stderr = add(place, run, "acme", "--name", "twin")
    assert code == 2
    assert "the workspace acme has its data in" in stderr
    assert "give each its own [database] schema" in stderr
    assert len(parse_rows(run("list")[1])) == 1


def test_what_no_worker_could_run_is_refused_when_it_is_added(place: Place, run: Run) -> None:
    code, _, stderr = run("list")
    assert (code, "this database has no workspaces yet" in stderr) == (1, True)
    file = place.write("acme")
    text = file.read_text("utf-8")

    def refused(new: str, *more: str) -> str:
        file.write_text(new, "utf-8")
        code, _, stderr = run("add", str(file), "--env-file", str(place.folder / "acme.env"), *more)
        assert code == 2
        return stderr

    assert "no [schedule] cron" in refused(text.replace('cron = "0 5 * * *"', ""))
    assert "a schema of this workspace's own" in refused(text.replace('schema = "acme"', ""))
    stderr = refused(text.replace("env:PEBBLE_KEY", "env:HOME_OF_NOBODY"))
    assert "environment variable HOME_OF_NOBODY is not set" in stderr
    assert "acme.env" in stderr
    assert "is not a name of a workspace" in refused(text, "--name", "A b")
    code, _, stderr = run("add", str(place.folder / "none.toml"))
    assert (code, "there is no configuration at" in stderr) == (2, True)


def test_a_missing_file_is_found_before_the_database_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    line = ["workspaces", "add", str(tmp_path / "none.toml"), "--database", nowhere]
    assert main(line) == 2
    assert "there is no configuration at" in capsys.readouterr().err


def test_the_secrets_of_another_are_not_seen(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the environment of who adds it is not there when it runs."""
    monkeypatch.setenv("PEBBLE_KEY", "of somebody else")
    file = place.write("acme")
    code, _, stderr = run("add", str(file))
    assert code == 2
    assert "environment variable PEBBLE_KEY is not set" in stderr
    assert "a run does not see the environment of its worker" in stderr
    assert add(place, run, "acme")[0] == 0
    code, _, stderr = run("pause", "amce")
    assert (code, stderr) == (
        2, "error: there is no workspace amce\n  → see cs-sync workspaces list\n",
    )  # fmt: skip
