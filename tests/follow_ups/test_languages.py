"""Follow-ups and reasons in the language of the workspace, and the same follow-ups in each."""

import json
import re
from pathlib import Path

import pytest

from tests.follow_ups.books import Books
from tests.follow_ups.days import CRM, START, push
from tests.jobs.road import CONFIG, Place
from tests.write_back.portal import Portal


def configured(place: Place, language: str) -> None:
    zone = '    timezone = "Europe/Warsaw"\n'
    place.configure(CONFIG.replace(zone, f'{zone}    language = "{language}"\n') + CRM + START)


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("languages"))
    configured(made, "pl")
    books = Books()
    books.customer("acme", used=range(5))
    for number in (1, 2, 3):
        books.ticket(number, "acme", "integration", f"2026-03-0{number}T10:00")
    books.nps("acme", 3, "2026-03-10T07:00", "za wolno")
    books.add("onboarding_steps", source_id="o", account="acme", checklist="start",
              step="CRM", due_at="2026-03-05")  # fmt: skip
    books.keep(made)
    assert made.run("sync").code == 0
    return made


@pytest.fixture
def place(synced: Place, portal: Portal, tmp_path: Path) -> Place:
    """Acme has three tickets, an unhappy person, and a step that is stuck."""
    portal.companies["acme"] = {}
    return synced.copy_to(tmp_path)


@pytest.mark.slow("syncs and runs whole commands")
def test_tasks_and_reasons_speak_polish(place: Place, portal: Portal) -> None:
    push(place)
    titles = {task["title"] for task in portal.tasks.values()}
    assert titles == {"Zadzwoń do Acme: NPS 3, Pat Acme"}
    (call,) = portal.tasks.values()
    assert "Z kim rozmawiać: Pat Acme · ostatnia aktywność: 9 mar · NPS 3, 10 mar" in call["body"]
    assert "Pat Acme: ocena 3 na 10, 10 mar, 07:00: „za wolno”" in call["body"]
    assert (
        "- Od 5 mar; wiadomo o tym od dziś. Utknęli na kroku „CRM” listy „start” od 5 mar."
        in call["body"]
    )
    assert "Kondycja: 41,5 (poziom: żółty) · MRR: 100,00 EUR" in call["body"]
    assert (
        "- 3 zgłoszenia w ostatnich 30 dniach, wszystkie dotyczą tematu „integracja”"
        in call["body"]
    )
    (row,) = place.json("score")
    assert row["band"] == "yellow"  # a name for programs, in every language
    assert "Subskrypcja aktywna" in row["reasons"]  # no invoice tells how it pays
    assert "NPS 3, Pat Acme, 10 mar: „za wolno”" in row["reasons"]


@pytest.mark.slow("syncs and runs whole commands")
def test_a_reason_why_one_is_needless_is_in_the_language_too(place: Place, portal: Portal) -> None:
    push(place)
    step = place.path / "data" / "onboarding_steps.csv"
    head, line = step.read_text(encoding="utf-8").splitlines()
    step.write_text(f"{head},done_at\n{line},2026-03-10T15:00\n", encoding="utf-8")
    assert place.run("sync").code == 0
    push(place, days=1)
    text = [note["body"] for note in portal.notes.values()]
    assert text == ["Już niepotrzebne: krok wykonano 10 mar, 15:00."]


@pytest.mark.slow("syncs and runs whole commands")
def test_another_language_makes_no_twins(place: Place, portal: Portal) -> None:
    push(place)
    keys = sorted(portal.tasks)
    configured(place, "zh-Hant")
    push(place, days=1)
    assert sorted(portal.tasks) == keys
    assert "近 30 天有 3 張工單" in json.dumps(portal.companies, ensure_ascii=False, default=str)


@pytest.mark.slow("syncs and runs whole commands")
def test_an_unknown_language_is_one_message(place: Place) -> None:
    configured(place, "de")
    ran = place.run("score")
    assert ran.code == 2
    assert "workspace.language" in ran.messages


@pytest.mark.slow("syncs and runs whole commands")
def test_an_open_task_follows_the_language_and_a_begun_one_stays(
    place: Place, portal: Portal
) -> None:
    push(place)
    [(key, task)] = portal.tasks.items()
    due, priority = task["due_at"], task["priority"]
    configured(place, "en")
    push(place, days=1)
    reworded = portal.tasks[key]
    assert reworded["title"] == "Call Acme: NPS 3 from Pat Acme"
    assert "Speak to: Pat Acme · last active 9 Mar" in reworded["body"]
    assert "Stuck on “CRM” of “start” since 5 Mar." in reworded["body"]
    assert not re.search("[ąćęłńóśźż]", reworded["body"]), "no Polish is left between"
    assert (reworded["due_at"], reworded["priority"]) == (due, priority)
    assert portal.notes == {}
    push(place)
    assert portal.tasks[key] == reworded, "once is enough"
    portal.tasks[key]["touched"] = True
    configured(place, "ro")
    push(place, days=1)
    assert portal.tasks[key]["title"] == reworded["title"]


@pytest.mark.slow("syncs and runs whole commands")
def test_a_task_that_is_done_keeps_its_language(place: Place, portal: Portal) -> None:
    push(place)
    [key] = portal.tasks
    portal.tasks[key] |= {"status": "completed", "touched": True}
    configured(place, "en")
    push(place, days=1)
    assert portal.tasks[key]["title"] == "Zadzwoń do Acme: NPS 3, Pat Acme"
