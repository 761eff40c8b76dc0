"""The wheels of every distribution, installed where there is no checkout, do their work."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.road import BOOKS

ROOT = Path(__file__).parents[1]
PROJECTS = sorted(
    path.parent
    for pattern in ("schemas", ".", "plugins/*", "examples/*")
    for path in ROOT.glob(f"{pattern}/pyproject.toml")
)
VERSIONS = ("3.11", "3.12", "3.13")
MAX_MEGABYTES = 135
"""Of `files,report` with all it needs, compiled, without pip itself."""
TEMPLATES = re.compile(r"pebble|marble")
OF_PIP = re.compile(r"pip|setuptools|pkg_resources|_distutils_hack|wheel|distutils")
PLUGINS = (
    "chargebee",
    "files",
    "formbricks",
    "freshdesk",
    "hubspot",
    "intercom",
    "mixpanel",
    "otel",
    "paddle",
    "posthog",
    "salesforce",
    "stripe",
    "typeform",
    "userpilot",
    "webhook",
    "zendesk",
)

pytestmark = pytest.mark.slow("builds wheels and installs them into environments of their own")


def run(*line: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program in an environment of its own: no variable of this one but what pip needs."""
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "HTTP", "http"))}
    bare = {"HOME": os.environ.get("HOME", "/"), "PATH": "/usr/bin:/bin", **kept, **environment}
    return subprocess.run(
        [str(word) for word in line],
        cwd=folder,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check")
    options = ("--no-deps", "--no-build-isolation", "-w", folder)
    done = run(*pip, *options, *PROJECTS, folder=folder)
    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("*.whl"))) == len(PROJECTS)
    return folder


def test_every_wheel_has_its_licence_and_no_test(wheels: Path) -> None:
    text = (ROOT / "LICENSE").read_bytes()
    for path in wheels.glob("*.whl"):
        with zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
            (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
            assert b"License-Expression: Apache-2.0" in wheel.read(metadata), path.name
            if not TEMPLATES.search(path.name):  # their copies choose a licence of their own
                (licence,) = [name for name in names if name.endswith("licenses/LICENSE")]
                assert wheel.read(licence) == text, path.name
        inside = [name for name in names if "tests/" in name and "cs_sync/scaffold/" not in name]
        assert inside == [], path.name


def find_python(version: str) -> str | None:
    """An interpreter of a version that runs: this one, one on the path, or one of pyenv."""
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))),
    ]
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        if candidate:
            ended = subprocess.run(
                [candidate, "-c", code], capture_output=True, text=True, check=False
            )
            if ended.stdout.strip() == version:
                return candidate
    return None


@pytest.fixture(scope="module", params=VERSIONS)
def installed(
    request: pytest.FixtureRequest, wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A clean environment with `files,report`, of each version there is."""
    python = find_python(request.param)
    if python is None:
        pytest.skip(f"no Python {request.param} on this machine")
    folder = tmp_path_factory.mktemp(f"python{request.param}")
    assert run(python, "-m", "venv", "--without-pip", folder, folder=folder).returncode == 0
    install(folder, wheels, "customer-success-sync[files,report]")
    yield folder
    shutil.rmtree(folder)


def install(environment: Path, wheels: Path, *names: str) -> None:
    """Install by our own pip: to set one up takes five seconds."""
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python")
    line = ("install", "-q", "--disable-pip-version-check", "--find-links", wheels)
    exact = ("-c", ROOT / "constraints.txt")
    done = run(*pip, *line, *exact, *names, folder=environment)
    assert done.returncode == 0, done.stderr


def list_site_packages(environment: Path) -> list[Path]:
    """What is installed, without pip and what comes with it."""
    (folder,) = environment.glob("lib/python*/site-packages")
    return [path for path in folder.iterdir() if not OF_PIP.match(path.name)]


def test_files_and_report_are_light(installed: Path) -> None:
    actual = list_site_packages(installed)
    files = [file for path in actual for file in ([path] if path.is_file() else path.rglob("*"))]
    megabytes = sum(file.stat().st_size for file in files if file.is_file()) / 1e6
    distributions = sum(path.name.endswith(".dist-info") for path in actual)
    print(f"files,report: {distributions} distributions, {megabytes:.0f} MB")
    assert megabytes < MAX_MEGABYTES


def test_a_newcomer_runs_it_on_files(installed: Path, tmp_path: Path) -> None:
    program = installed / "bin" / "cs-sync"
    (tmp_path / "data").mkdir()
    for name, text in BOOKS.items():
        (tmp_path / "data" / name).write_text(text)

    def cs_sync(*words: str) -> str:
        done = run(program, *words, folder=tmp_path, FILES_PATH="data")
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr

    where = run(
        installed / "bin" / "python",
        "-c",
        "import cs_sync; print(cs_sync.__file__)",
        folder=tmp_path,
    )
    assert where.stdout.startswith(str(installed))
    assert "backtest" in cs_sync("--help")
    assert "set FILES_PATH" in cs_sync("init", "--connector", "files")
    assert "accounts.csv" in cs_sync("check")
    assert "Beta" in cs_sync("run")
    assert "<svg" in (tmp_path / "cs_sync_report.html").read_text()
    assert "a run ended within" in cs_sync("healthcheck")
    assert "Beta" in cs_sync("explain", "beta")
    cs_sync("new", "connector", "moon")
    assert (tmp_path / "customer-success-sync-moon" / "pyproject.toml").is_file()


ACME = """
import subprocess, sys
from pathlib import Path
from cs_sync_sandbox import Sandbox

with Sandbox(seed=7, accounts=12, limits=False) as box:
    path = Path("cs_sync.toml")
    path.write_text(box.config_toml("acme.db"))
    path.chmod(0o600)
    program = Path(sys.executable).parent / "cs-sync"
    sys.exit(subprocess.run([program, "run", "--yes"]).returncode)
"""
"""The whole job on a small Acme, whose vendors answer on this machine."""


def test_every_plugin_works_beside_it(installed: Path, wheels: Path, tmp_path: Path) -> None:
    extras = ",".join((*PLUGINS, "demo", "mcp", "postgres"))
    install(installed, wheels, f"customer-success-sync[{extras}]")
    listed = run(installed / "bin" / "cs-sync", "--format", "csv", "connectors", folder=tmp_path)
    rows = [line.split(",") for line in listed.stdout.splitlines()[1:]]
    assert {row[0] for row in rows} >= {*PLUGINS, "sandbox"}, listed
    assert {row[-1] for row in rows} == {"ok"}, listed.stdout
    help_page = run(installed / "bin" / "cs-sync", "demo", "--help", folder=tmp_path)
    assert "Acme" in help_page.stdout
    done = run(installed / "bin" / "python", "-W", "error", "-c", ACME, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for source in ("hubspot", "posthog", "stripe", "zendesk"):
        assert re.search(rf"(?m)^{source} +\w+ +ok ", done.stdout), done.stdout
    assert re.search(r"(?m)^\d+ created", done.stdout), "scores and tasks are in the CRM"
    assert "warning" not in done.stderr, done.stderr
