"""What the READMEs tell people to type is typed here; a line that does not work fails its test."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from cs_sync.config import load_config
from cs_sync.plugins import load_plugins
from cs_sync.plugins.distributions import CONNECTORS
from cs_sync.write_back.fields import build_field_specs
from tests.jobs.road import Place, small_company, synced_company

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("plugins/*/README.md")),
    ROOT / "examples" / "sandbox" / "README.md",
]
GUIDES = [
    ROOT / "docs" / "tutorial.md",
    *sorted(ROOT.glob("docs/how-to/*.md")),
    *sorted(ROOT.glob("docs/roles/*.md")),
]
WITHOUT_ADDRESS = ("dlt", "files", "singer")
"""Connectors that know no address of their own."""
SECRETS = {
    "FILES_PATH": "data",
    "POSTHOG_API_KEY": "phx_1",
    "WEBHOOK_SIGNING_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}
NOT_HERE = (
    "demo",
    "forget",
    "healthcheck",
    "init",
    "new",
    "plan",
    "push",
    "schedule",
    "setup",
    "try",
    "workers",
    "workspaces",
)
"""Commands that need a vendor, a scheduled run or a minute, or write beside it; that they exist
with these options is checked here."""


def blocks(page: Path, *kinds: str) -> list[str]:
    """The fenced blocks of these kinds, without the indentation of the list they stand in."""
    fence = rf"^( *)```(?:{'|'.join(kinds)})\n(.*?)^\1```$"
    actual = re.findall(fence, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"(?m)^{indent}", "", text) for indent, text in actual]


def each(*kinds: str) -> list[object]:
    """Parameters: every such block of every page; the guides' commands have a test of their own."""
    return [
        pytest.param(text, id=f"{page.parent.name}-{page.stem}-{number}")
        for page in [*PAGES, *(GUIDES if "toml" in kinds else ())]
        for number, text in enumerate(blocks(page, *kinds))
    ]


def shell(script: str, folder: Path) -> subprocess.Popen[str]:
    """A shell that ends at the first line that fails, with this environment's commands first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "-e", "-x", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "COVERAGE_PROCESS_START": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def make_target(line: str) -> None:
    """`make demo` cannot run inside `make test`: its recipe must be there and be ours."""
    target = line.removeprefix("make ").strip()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe, f"the Makefile has no target {target}"
    expected = {"demo": "$(BIN)/cs-sync demo", "test": "$(PYTEST)"}
    assert expected[target] in recipe[1]


@pytest.mark.slow("starts processes")
@pytest.mark.parametrize("script", each("console", "sh"))
def test_every_command_block_runs(script: str, tmp_path: Path) -> None:
    small_company(tmp_path)
    (tmp_path / "cs_sync.toml").unlink()
    lines = script.strip().splitlines()
    if all(line.startswith("make ") for line in lines):
        for line in lines:
            make_target(line)
    elif "cs_sync_sandbox" in script:
        with shell(script.replace("8900", "0"), tmp_path) as served:
            assert served.stdout is not None
            url = served.stdout.readline().strip()
            try:
                assert httpx.get(f"{url}/hubspot/").status_code == 200
            finally:
                served.terminate()
    else:
        with shell(script, tmp_path) as done:
            out, err = done.communicate(timeout=180)
        assert done.returncode == 0, f"{out}\n{err}"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return synced_company(tmp_path_factory.mktemp("readme"))


@pytest.mark.slow("runs whole commands")
@pytest.mark.parametrize(
    "command",
    dict.fromkeys(
        command
        for page in [*PAGES, *GUIDES]
        for command in re.findall(r"`cs-sync ([^`]+)`", page.read_text(encoding="utf-8"))
    ),
)
def test_every_command_in_the_text_works(command: str, workspace: Place, tmp_path: Path) -> None:
    here = re.sub(r"--only \w+", "--only files", command.replace("ACCOUNT", "alpha"))
    here = here.removeprefix("--config FILE ")
    words = shlex.split(here.replace("DIR", str(tmp_path / "exported")))
    asked = ["--help"] if words[0] in NOT_HERE else []
    ran = workspace.run(*words, *asked)
    assert ran.code == 0, ran


@pytest.mark.parametrize("text", each("toml"))
def test_every_configuration_is_accepted(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in re.findall(r'"env:(\w+)"', text):
        monkeypatch.setenv(name, SECRETS.get(name, "sk_test_1"))
    (tmp_path / "cs_sync.toml").write_text(text, encoding="utf-8")
    (tmp_path / "cs_sync.toml").chmod(0o600)
    config = load_config(tmp_path / "cs_sync.toml", load_plugins())
    assert all(config.connectors[name].base_url for name in config.connectors)


@pytest.mark.parametrize("text", each("json"))
def test_every_json_is_json(text: str) -> None:
    assert json.loads(text)


@pytest.mark.slow("builds all of Acme")
def test_the_sandbox_in_a_program(capfd: pytest.CaptureFixture[str]) -> None:
    (program,) = blocks(ROOT / "examples" / "sandbox" / "README.md", "python")
    exec(compile(program, "README.md", "exec"), {})
    shown = capfd.readouterr().out
    assert shown.startswith("http://127.0.0.1:")
    assert "[connectors.stripe]" in shown


@pytest.mark.parametrize("page", [*PAGES, *GUIDES], ids=lambda page: page.parent.name + page.stem)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_plugin_is_in_the_table_of_connectors() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Connectors")[1]
    missing = [
        page.parent.name
        for page in PAGES[1:-1]
        if f"(plugins/{page.parent.name}/README.md)" not in table
    ]
    assert missing == []


SECTIONS = ("Set up", "Settings", "What is read", "What is written", "MRR", "Limits")


@pytest.mark.parametrize("page", PAGES[1:-1], ids=lambda page: page.parent.name)
def test_plugins_have_the_same_sections_in_the_same_order(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    shared = [section for section in headings if section in SECTIONS]
    assert headings[0] == "Set up"
    assert shared == sorted(shared, key=SECTIONS.index)


@pytest.mark.parametrize("connector", sorted(CONNECTORS))
def test_a_connectors_page_names_each_of_its_settings(connector: str) -> None:
    """And each scope of its streams, where a description states them."""
    page = (ROOT / "plugins" / connector / "README.md").read_text(encoding="utf-8")
    config = load_plugins().find_config_class(connector)
    assert config is not None
    elsewhere = {"streams", "workspace"} | ({"base_url"} if connector in WITHOUT_ADDRESS else set())
    settings = {field.alias or name for name, field in config.model_fields.items()} - elsewhere
    missing = [name for name in settings if not re.search(rf"(?m)`{name}`|^ *{name} = ", page)]
    assert missing == []
    description = ROOT / "plugins" / connector / f"cs_sync_{connector}" / "connector.toml"
    stated = tomllib.loads(description.read_text()) if description.exists() else {}
    scopes = [stream.get("scope", "") for stream in stated.get("streams", {}).values()]
    named = {scope for scope in ", ".join(scopes).split(", ") if scope}
    words = " ".join(page.lower().replace("**", "").split()).replace(": ", ":")
    assert {scope for scope in named if scope not in words} == set()


def test_the_webhooks_page_names_every_field_of_an_account() -> None:
    page = (ROOT / "plugins" / "webhook" / "README.md").read_text(encoding="utf-8")
    assert [spec.name for spec in build_field_specs("cs_") if f"`{spec.name}`" not in page] == []
