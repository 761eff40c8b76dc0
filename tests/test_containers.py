"""The container files keep their promises; where a builder is, the image is built and run."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from cs_sync.cli import main
from tests.plugin_lists import fill_extras, list_connecting_plugins

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXTRAS = re.findall(r"ARG EXTRAS=(\S+)", TEXT)[0].split(",")


def read_instructions() -> Iterator[tuple[str, str]]:
    """Instruction and its arguments, comments and line continuations taken out."""
    lines = [line for line in TEXT.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, " ".join(rest.split())


INSTRUCTIONS = list(read_instructions())
STAGES = [place for place, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM"]
BUILT, SHIPPED = INSTRUCTIONS[STAGES[0] : STAGES[1]], INSTRUCTIONS[STAGES[1] :]


def get(name: str, stage: list[tuple[str, str]] = SHIPPED) -> list[str]:
    return [rest for given, rest in stage if given == name]


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def test_every_instruction_is_one_of_dockers() -> None:
    known = "ARG CMD COPY ENTRYPOINT ENV FROM HEALTHCHECK LABEL RUN USER WORKDIR"
    assert {name for name, _ in INSTRUCTIONS} <= set(known.split())
    assert len(STAGES) == 2
    assert TEXT.endswith("\n")


def test_bases_have_a_version_and_packages_are_exact() -> None:
    """What hadolint asks for: a tag that is not `latest`, pinned packages, no cache kept."""
    for base in [rest for name, rest in INSTRUCTIONS if name == "FROM"]:
        assert re.match(r"python:\$\{PYTHON\}-slim( AS build)?$", base)
    assert INSTRUCTIONS[0] == ("ARG", "PYTHON=3.13")
    for command in get("RUN", BUILT):
        for part in command.split("&&"):
            if "pip" in part and " install" in part:
                assert "-c constraints.txt" in part
    assert any("PIP_NO_CACHE_DIR=1" in rest for rest in get("ENV", BUILT))
    assert not any("pip" in command for command in get("RUN")), "no pip, no compiler in the image"


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [word for rest in get("COPY", BUILT) for word in rest.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert {"**/cs_sync.toml", "**/*.env", "**/*.db"} <= set(ignored)


def test_the_extras_are_some_of_ours() -> None:
    listed = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert set(EXTRAS) <= set(listed)
    assert {"postgres", "report"} <= set(EXTRAS), "compose.yaml needs them"
    assert fill_extras(TEXT, list_connecting_plugins()) == TEXT, "run make plugin-lists"


def test_it_runs_as_nobody_special_and_is_asked_for_its_health() -> None:
    (user,) = get("USER")
    assert user == "10001:10001"
    (health,) = get("HEALTHCHECK")
    words = json.loads(health.partition("CMD ")[2])
    assert words[0] == json.loads(get("ENTRYPOINT")[0])[0] == "cs-sync"
    assert main([*words[1:], "--help"]) == 0
    assert main([*json.loads(get("CMD")[0]), "--help"]) == 0
    (environment,) = get("ENV")
    assert "CS_SYNC_CONFIG=/var/lib/cs-sync/cs_sync.toml" in environment
    assert get("WORKDIR") == ["/var/lib/cs-sync"]


def test_compose_starts_a_scheduled_run_on_a_database_that_is_ready() -> None:
    services = compose()["services"]
    ours, database = services["cs-sync"], services["database"]
    assert main([*ours["command"], "--help"]) == 0
    assert ours["command"][-1] == "schedule"
    assert ours["depends_on"]["database"]["condition"] == "service_healthy"
    assert "pg_isready" in database["healthcheck"]["test"][1]
    assert re.fullmatch(r"postgres:\d+-alpine", database["image"])
    url = ours["environment"]["CS_SYNC_DATABASE"]
    assert url.startswith("postgresql+psycopg://cs_sync:${POSTGRES_PASSWORD")
    assert url.endswith("@database/cs_sync")


def test_compose_gives_it_a_read_only_root_and_no_rights() -> None:
    ours = compose()["services"]["cs-sync"]
    assert ours["read_only"] is True
    assert ours["tmpfs"] == ["/tmp"]
    assert ours["user"] == get("USER")[0]
    assert ours["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in ours["security_opt"]
    places = {volume.split(":")[1] for volume in ours["volumes"]}
    assert "/var/lib/cs-sync" in places
    named = {v.split(":")[0] for s in compose()["services"].values() for v in s["volumes"]}
    assert {name for name in named if not name.startswith(".")} == set(compose()["volumes"])


def test_no_password_stands_in_a_file() -> None:
    for name in ("Dockerfile", "compose.yaml"):
        text = (ROOT / name).read_text()
        for value in re.findall(r"(?im)^\s*\w*password\w*\s*[:=]\s*(\S+)", text):
            assert value.startswith("${"), (name, value)


def run_tool(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment."""
    line = [Path(sys.executable).parent / str(words[0]), *words[1:]]
    return subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing() -> None:
    done = run_tool("hadolint", ROOT / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.slow("starts two processes that read large schemas")
@pytest.mark.parametrize(
    ("schema", "path"),
    [("compose-spec", "compose.yaml"), ("github-workflows", "docs/recipes/github-actions.yml")],
)
def test_files_fit_the_published_schemas(schema: str, path: str) -> None:
    done = run_tool("check-jsonschema", "--builtin-schema", f"vendor.{schema}", ROOT / path)
    assert done.returncode == 0, done.stdout + done.stderr


def is_copied(path: Path) -> bool:
    """Whether a builder is given a file: what `.dockerignore` says, its last match wins."""
    name, copied = str(path.relative_to(ROOT)), True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = [name, *map(str, path.relative_to(ROOT).parents)]
        loose = line.startswith("**/")
        if (
            line
            and not line.startswith("#")
            and any(
                fnmatch(part, pattern) or (loose and fnmatch(Path(part).name, pattern))
                for part in parts
            )
        ):
            copied = line.startswith("!")
    return copied


@pytest.mark.slow("installs everything that the image has")
def test_the_commands_of_the_build_stage_work_on_what_it_copies(tmp_path: Path) -> None:
    """Without a builder of images its commands show that no file and no package is missing."""
    source, program = tmp_path / "src", tmp_path / "bin"
    subprocess.run([sys.executable, "-m", "venv", program], check=True)
    source.mkdir()
    for name, rest in BUILT:
        if name == "COPY":
            *names, target = rest.split()
            for each in names:
                copy(ROOT / each, source / target / ("" if (ROOT / each).is_dir() else each))
        elif name == "RUN":
            command = rest.replace("/opt/cs-sync", f"{tmp_path}/cs-sync")
            command = command.replace("/wheels", f"{tmp_path}/wheels")
            command = command.replace("${EXTRAS}", ",".join(EXTRAS))
            path = f"{program / 'bin'}:/usr/bin:/bin"
            done = subprocess.run(
                ["sh", "-e", "-c", command],
                cwd=source, env={**os.environ, "PATH": path}, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            assert done.returncode == 0, (command, done.stderr)
    listed = subprocess.run(
        [tmp_path / "cs-sync" / "bin" / "cs-sync", "--format", "csv", "connectors"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split(",") for line in listed.stdout.splitlines()[1:]]
    assert {row[0] for row in rows} >= set(EXTRAS) - {"postgres", "report"}
    assert {row[-1] for row in rows} == {"ok"}
    files = [path for path in (tmp_path / "cs-sync").rglob("*") if path.is_file()]
    print(f"/opt/cs-sync: {sum(path.lstat().st_size for path in files) / 1e6:.0f} MB")


def copy(source: Path, target: Path) -> None:
    """Copy a file, or what a builder is given of a folder."""
    for path in [source] if source.is_file() else filter(Path.is_file, source.rglob("*")):
        if is_copied(path):
            place = target if source.is_file() else target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def find_builder() -> str | None:
    """What builds images here, if it answers."""
    for name in ("docker", "podman"):
        program = shutil.which(name)
        if program:
            asked = subprocess.run([program, "info"], capture_output=True, check=False, timeout=60)
            if asked.returncode == 0:
                return program
    return None


@pytest.mark.slow("builds the image")
def test_the_image_is_built_and_runs_with_a_read_only_root() -> None:
    builder = find_builder()
    if builder is None:
        pytest.skip("no builder of images answers on this machine")
    tag = "cs-sync-test"
    built = subprocess.run(
        [builder, "build", "-q", "-t", tag, ROOT], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    line = [builder, "run", "--rm", "--read-only", "--tmpfs", "/tmp", tag]

    def cs_sync(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*line, *words], capture_output=True, text=True, check=False)

    rows = cs_sync("--format", "csv", "connectors").stdout.splitlines()[1:]
    assert {row.split(",")[0] for row in rows} >= {"files", "hubspot", "stripe", "webhook"}
    assert {row.split(",")[-1] for row in rows} == {"ok"}
    assert cs_sync("healthcheck").returncode == 1, "there is no configuration"
    size = subprocess.run(
        [builder, "image", "inspect", "-f", "{{.Size}}", tag],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    print(f"image: {int(size.stdout) / 1e6:.0f} MB")
