"""The recipes in docs/recipes: they parse, and every command and option in them exists."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from cs_sync.cli import main
from cs_sync.config import load_config, render_template
from cs_sync.config.cron import validate_cron
from cs_sync.config.template import find_variables
from cs_sync.plugins import load_plugins

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
UNITS = sorted(path.name for path in [*RECIPES.glob("*.service"), *RECIPES.glob("*.timer")])
SYSTEMD = shutil.which("systemd-analyze")


def text(name: str) -> str:
    return (RECIPES / name).read_text()


def commands() -> Iterator[tuple[str, list[str]]]:
    for line in text("crontab").splitlines():
        if line[:1].isdigit():
            yield "crontab", shlex.split(line.rpartition(";")[2])
    for name in UNITS:
        if start := unit(name).get("Service", "ExecStart", fallback=None):
            yield name, shlex.split(start)
    yield (
        "kubernetes.yaml",
        cron_job()["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"],
    )
    for step in workflow()["jobs"]["run"]["steps"]:
        if step.get("run", "").startswith("cs-sync"):
            yield "github-actions.yml", shlex.split(step["run"])


def unit(name: str) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text(name))
    return parser


def cron_job() -> dict[str, Any]:
    (job,) = [d for d in yaml.safe_load_all(text("kubernetes.yaml")) if d["kind"] == "CronJob"]
    spec: dict[str, Any] = job["spec"]
    return spec


def workflow() -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(text("github-actions.yml"))
    return loaded


@pytest.mark.parametrize(("name", "words"), list(commands()))
def test_every_command_in_a_recipe_exists(name: str, words: list[str]) -> None:
    assert Path(words[0]).name == "cs-sync", name
    assert words[-1] in ("run", "check", "schedule", "healthcheck")
    assert main([*words[1:], "--help"]) == 0


def test_the_secrets_have_the_names_that_init_writes() -> None:
    written = find_variables(render_template(load_plugins(["sandbox"]), ["stripe", "hubspot"]))
    assert written == ["STRIPE_API_KEY", "HUBSPOT_ACCESS_TOKEN"]
    for name in ("github-actions.yml", "kubernetes.yaml", "README.md"):
        assert set(re.findall(r"(?:STRIPE|HUBSPOT)_\w+", text(name))) == set(written), name


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that stands for those of the recipes: a workspace, secrets, the program."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "owners.csv").write_text("source_id,name,email\n1,Ana,ana@acme.example\n")
    (tmp_path / "cs_sync.toml").write_text(
        '[connectors.files]\npath = "data"\n'
        '[connectors.webhook]\nurl = "env:WEBHOOK_URL"\n'
        'signing_secret = "env:WEBHOOK_SIGNING_SECRET"\n'
        '[write_back]\ndestination = "webhook"\n'
    )
    secrets = ("http://127.0.0.1:9/hook", "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    lines = zip(("WEBHOOK_URL", "WEBHOOK_SIGNING_SECRET"), secrets, strict=True)
    (tmp_path / "secrets.env").write_text("".join(f"{n}={value}\n" for n, value in lines))
    return tmp_path


def place(line: str, installed: Path) -> str:
    """Return a command of a recipe with the folders of this machine."""
    program = str(Path(sys.executable).parent)
    for folder, here in (
        ("/opt/cs-sync/.venv/bin", program),
        ("/var/lib/cs-sync", str(installed)),
        ("/etc/cs-sync", str(installed)),
        ("--config cs_sync.toml", f"--config {installed / 'cs_sync.toml'}"),
    ):
        line = line.replace(folder, here)
    return line


def run_bare(line: str, *variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in an environment of these variables alone."""
    bare = ["env", "-i", *variables, "/bin/sh", "-c", line]
    return subprocess.run(bare, capture_output=True, text=True, check=False)


@pytest.mark.slow("runs the whole job in a process of its own")
def test_the_crontab_runs_in_a_bare_environment_and_says_nothing(installed: Path) -> None:
    line, health = [line for line in text("crontab").splitlines() if line[:1].isdigit()]
    (path,) = re.findall(r"(?m)^PATH=.*$", text("crontab"))
    command = place(line.split(maxsplit=6)[6], installed)
    done = run_bare(command, place(path, installed))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run_bare(place(health.split(maxsplit=6)[6], installed), place(path, installed))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (installed / "secrets.env").write_text("")
    done = run_bare(command, place(path, installed))
    assert done.returncode == 2
    assert "WEBHOOK_URL" in done.stderr


@pytest.mark.slow("runs the whole job in a process of its own")
@pytest.mark.parametrize(
    ("name", "words"),
    [(name, words) for name, words in commands() if name != "crontab" and words[-1] != "schedule"],
)
def test_a_command_with_its_secrets_runs_in_a_bare_environment(
    name: str, words: list[str], installed: Path
) -> None:
    secrets = (installed / "secrets.env").read_text().split()
    path = f"PATH={Path(sys.executable).parent}:/usr/bin:/bin"
    done = run_bare(place(shlex.join(words), installed), path, *secrets)
    assert done.returncode == 0, (name, done.stderr)


def test_every_recipe_is_in_the_list_and_the_other_way_round() -> None:
    named = set(re.findall(r"\]\(([\w.-]+)\)", text("README.md")))
    assert named == {path.name for path in RECIPES.iterdir()} - {"README.md"}


def test_the_lines_of_the_crontab_are_due() -> None:
    lines = [line for line in text("crontab").splitlines() if line[:1].isdigit()]
    assert [line.split()[-1] for line in lines] == ["run", "healthcheck"]
    for line in lines:
        validate_cron(" ".join(line.split()[:5]))
    assert text("crontab").endswith("\n"), "cron ignores a last line without an end"


def test_kubernetes_runs_it_when_cron_would_and_one_at_a_time() -> None:
    spec = cron_job()
    validate_cron(spec["schedule"])
    assert spec["concurrencyPolicy"] == "Forbid"
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for c in pod["containers"] for mount in c["volumeMounts"]} <= volumes


def test_the_configuration_in_the_recipe_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CS_SYNC_DATABASE", "postgresql+psycopg://cs-sync@db/cs_sync")
    maps = [d for d in yaml.safe_load_all(text("kubernetes.yaml")) if d["kind"] == "ConfigMap"]
    path = tmp_path / "cs_sync.toml"
    path.write_text(maps[0]["data"]["cs_sync.toml"])
    config = load_config(path, load_plugins(["sandbox"]))
    assert list(config.connectors) == ["stripe", "hubspot"]
    assert config.write_back.destination == "hubspot"


def test_github_runs_it_on_a_cron_and_never_twice_at_once() -> None:
    loaded = workflow()
    (schedule,) = loaded[True]["schedule"]  # YAML 1.1 reads the key `on` as true
    validate_cron(schedule["cron"])
    assert loaded["concurrency"]["cancel-in-progress"] is False
    given = re.findall(r"secrets\.(\w+)", text("github-actions.yml"))
    wanted = set(re.findall(r"env:(\w+)", text("kubernetes.yaml")))
    assert set(given) == wanted


@pytest.mark.parametrize("name", UNITS)
def test_the_units_have_what_systemd_needs(name: str) -> None:
    parsed = unit(name)
    assert parsed.get("Unit", "Description")
    if name.endswith(".timer"):
        assert parsed.get("Timer", "Persistent") == "true"
        assert (RECIPES / name.replace(".timer", ".service")).exists()
    else:
        assert parsed.get("Service", "User") == "cs-sync"


@pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze is not installed on this machine")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    for each in UNITS:
        changed = text(each).replace("/opt/cs-sync/.venv/bin/cs-sync", "/bin/true")
        (tmp_path / each).write_text(changed.replace("User=cs-sync", "User=root"))
    command = [str(SYSTEMD), "verify", "--man=no", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    about = [line for line in done.stderr.splitlines() if "cs-sync" in line]
    assert about == []
