"""Mistakes, errors and interruptions: one message, no traceback, and the right exit code."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cs_sync import ConfigError, CredentialRefused
from cs_sync.cli.app import make_app

Run = Callable[..., Any]
Jobs = Callable[..., None]


@pytest.mark.parametrize(
    "line",
    [
        "metrics --grain fortnight",
        "metrics --as-of yesterday",
        "metrics --as-of 2026-01-01 --since 2026-01-01",
        "metrics --known-at soon",
        "nonsense",
        "sync --unknown",
        "--format xml metrics",
        "explain",
        "runs --limit 0",
        "runs --limit 99999999999999999999",
        "accounts undo 99999999999999999999",
        "metrics --as-of 9999-12-31",
        "mrr --since 0001-01-01",
        "score --known-at 0001-01-01",
        "reconcile --month 2026-13",
        "state reopen 0001-01 --reason late",
        "sync --full --since 2026-01-01",
        "accounts link one",
        "metrics --engine duckdb",
        "mrr --export folder",
        "metrics --publish --engine duckdb --export folder",
    ],
)
def test_wrong_usage_ends_with_2_and_no_traceback(run: Run, jobs: Jobs, line: str) -> None:
    jobs("queries.metrics", query_metrics=lambda workspace, request: [])
    ran = run(*line.split())
    assert ran.code == 2
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert ran.err.startswith("error: ")
    assert ran.err.splitlines()[1].startswith("  → ")
    assert len(ran.err.splitlines()) == 2


def test_publish_names_what_does_not_go_with_it(run: Run) -> None:
    ran = run("metrics", "--publish", "--engine", "duckdb", "--export", "folder")
    assert "in the workspace" in ran.err
    assert "leave out --engine, --known-at, --by, --policy and --grain" in ran.err


def list_closed_options(command: Any, path: tuple[str, ...] = ()) -> Iterator[Any]:
    """Every option of every command that takes one of a few words: command line and words."""
    for parameter in command.params:
        words = parameter.type_descriptor.choices
        if words:
            yield pytest.param(
                (*path, parameter.opts[0]), words, id=" ".join((*path, parameter.name))
            )
    for name, inner in getattr(command, "commands", {}).items():
        yield from list_closed_options(inner, (*path, name))


CLOSED = list(list_closed_options(typer.main.get_command(make_app())))


def test_closed_options_are_found() -> None:
    actual = {" ".join(parameter.values[0]) for parameter in CLOSED}
    assert {"--format", "--log-format", "metrics --family", "metrics --stage"} < actual
    assert {"metrics --grain", "metrics --strategy", "mrr --grain", "export --format"} < actual


@pytest.mark.parametrize(("line", "words"), CLOSED)
def test_a_word_that_is_none_of_an_option_is_one_line_with_those_that_are(
    run: Run, line: tuple[str, ...], words: tuple[str, ...]
) -> None:
    ran = run(*line, "nope")
    assert (ran.code, ran.out) == (2, "")
    message, remedy = ran.err.splitlines()
    assert message.startswith(f"error: Invalid value for '{line[-1]}': 'nope' is not one of ")
    for word in words:
        assert f"'{word.casefold()}'" in message.casefold()
    assert remedy == f"  → see {' '.join(('cs-sync', *line[:-1]))} --help"


def test_a_group_without_a_command_shows_its_help(run: Run) -> None:
    ran = run("rejects")
    assert (ran.code, ran.err) == (2, "")
    assert "Usage: cs-sync rejects" in ran.out


@pytest.mark.parametrize(
    "line",
    [
        "--timezone Mars",
        "--currency EURO",
        "--connector =files",
        "--connector Files-DE=files",
        "--connector nope",
    ],
)
def test_init_writes_no_wrong_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, line: str
) -> None:
    monkeypatch.delenv("CS_SYNC_DISABLED_PLUGINS")
    ran = run("--config", str(tmp_path / "new.toml"), "init", *line.split())
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert not (tmp_path / "new.toml").exists()


def test_a_global_option_behind_the_command_is_explained(run: Run) -> None:
    ran = run("metrics", "--format", "json")
    assert ran.code == 2
    assert "--format, --log-format, --quiet stand before the command" in ran.err
    assert "stand before" not in run("--format", "json", "nonsense").err


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    ran = run()
    assert ran.code == 2
    assert "Usage: cs-sync" in ran.out


def test_an_error_is_one_message_with_its_remedy(run: Run, jobs: Jobs) -> None:
    def refuse(workspace: Any, **_: Any) -> None:
        raise CredentialRefused("stripe refused the key", "make a new one", request_id="req_9")

    jobs("jobs.sync", sync_workspace=refuse)
    ran = run("--format", "json", "sync")
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err == "error: stripe refused the key [request req_9]\n  → make a new one\n"


def test_a_configuration_error_ends_with_2(run: Run, jobs: Jobs, configured: Path) -> None:
    jobs("jobs.sync", sync_workspace=lambda workspace, **_: None)
    (configured / "cs_sync.toml").write_text("[workspac]")
    ran = run("sync")
    assert ran.code == 2
    assert "line 1: workspac: unknown section\n  → did you mean workspace?" in ran.err
    assert run("--config", "other.toml", "sync").code == 2


def test_the_configuration_can_be_named_in_the_environment(
    run: Run, jobs: Jobs, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def runs(workspace: Any, limit: int) -> list[Any]:
        seen.append(workspace.config.workspace.name)
        return []

    jobs("queries.runs", list_runs=runs)
    (configured / "other.toml").write_text('[workspace]\nname = "other"')
    monkeypatch.setenv("CS_SYNC_CONFIG", "other.toml")
    assert run("runs").code == 0
    assert seen == ["other"]


def test_a_bug_is_a_message_unless_debug(run: Run, jobs: Jobs) -> None:
    def fail(workspace: Any, **_: Any) -> None:
        raise ZeroDivisionError("division by zero\nsecond line")

    jobs("jobs.sync", sync_workspace=fail)
    ran = run("sync")
    assert ran.code == 1
    assert "unexpected ZeroDivisionError: division by zero\n" in ran.err
    assert "--debug" in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in run("--debug", "sync").err


def test_ctrl_c_ends_with_130_and_a_clean_line(run: Run, jobs: Jobs) -> None:
    def interrupt(workspace: Any, **_: Any) -> None:
        raise KeyboardInterrupt

    jobs("jobs.sync", sync_workspace=interrupt)
    ran = run("sync")
    assert ran.code == 130
    assert ran.err.endswith("stopped; run it again and it goes on where it was\n")
    assert "Traceback" not in ran.err


def test_a_config_error_of_a_job_is_usage(run: Run, jobs: Jobs) -> None:
    def unknown(*_: Any) -> None:
        raise ConfigError("no metric nrrr", "did you mean nrr?")

    jobs("queries.metrics", query_metrics=unknown)
    ran = run("metrics", "--metric", "nrrr")
    assert (ran.code, ran.err) == (2, "error: no metric nrrr\n  → did you mean nrr?\n")
