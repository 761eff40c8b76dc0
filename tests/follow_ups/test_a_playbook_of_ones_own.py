"""The smallest playbook of a plugin, as the documentation shows it, and one that fails."""

import re
from pathlib import Path
from typing import Any

import pytest

from cs_sync.plugins import PluginRegistry
from tests.follow_ups.books import Books
from tests.follow_ups.days import CRM, push
from tests.jobs.road import CONFIG, Place
from tests.write_back.portal import Portal

PAGE = Path(__file__).parents[2] / "docs" / "playbooks.md"


def smallest() -> str:
    """The code of the page."""
    actual = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert actual
    return actual[1]


def playbook_of(code: str) -> Any:
    space: dict[str, Any] = {}
    exec(code, space)
    (playbook,) = space["cs_sync_playbooks"]()
    return playbook


@pytest.fixture
def place(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, portal: Portal
) -> Place:
    """Acme has been a customer for 14 months; the plugin of the page is installed."""
    own = playbook_of(smallest())
    monkeypatch.setattr(PluginRegistry, "playbooks", property(lambda _plugins: {own.name: own}))
    made = Place(tmp_path_factory.mktemp("own"))
    made.configure(CONFIG + CRM)
    books = Books()
    books.customer("acme")
    books.keep(made)
    portal.companies["acme"] = {}
    assert made.run("sync").code == 0
    return made


def test_it_takes_some_fifteen_lines() -> None:
    assert len([line for line in smallest().splitlines() if line.strip()]) <= 15


@pytest.mark.slow("syncs and runs whole commands")
def test_it_leads_to_a_follow_up_and_can_be_set(place: Place, portal: Portal) -> None:
    push(place)
    assert [task["title"] for task in portal.tasks.values()] == ["Plan Acme's second year"]
    assert {row["playbook"] for row in place.json("playbooks")} > {"second_year"}
    place.configure(CONFIG + CRM + "\n    [playbooks.second_year]\n    moths = 20\n")
    ran = place.run("score")
    assert ran.code == 2
    assert "playbooks.second_year.moths: unknown key" in ran.messages
    assert "did you mean months?" in ran.messages
    place.configure(CONFIG + CRM + "\n    [playbooks.second_year]\n    months = 20\n")
    assert place.run("plan").code == 0


@pytest.mark.slow("syncs and runs whole commands")
def test_one_that_fails_is_named_and_the_others_go_on(
    place: Place, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = playbook_of(smallest().replace("view.created_at and", "view.birthday and"))
    monkeypatch.setattr(
        PluginRegistry, "playbooks", property(lambda _plugins: {"second_year": broken})
    )
    place.configure(CONFIG + CRM)
    output = push(place)
    assert "playbook second_year failed: AttributeError: 'AccountView' object has no" in output
    assert "[playbooks.second_year] enabled = false" in output
    assert portal.companies["acme"]["cs_health_band"] == "green"
