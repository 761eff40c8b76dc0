"""The card's files fit together, and fit what cs-sync writes and HubSpot takes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hubspot.crm.lists import models

from cs_sync.i18n import LANGUAGES, Language, get_translator
from cs_sync.write_back.fields import build_field_specs

ROOT = Path(__file__).parents[1]
APP = ROOT / "src" / "app"
CARDS = APP / "cards"
LISTS = sorted((ROOT / "lists").glob("*.json"))
OPERATIONS = {
    "ENUMERATION": (models.PublicEnumerationPropertyOperation, {"IS_ANY_OF", "IS_NONE_OF"}),
    "NUMBER": (models.PublicNumberPropertyOperation, {"IS_LESS_THAN_OR_EQUAL_TO"}),
}


BANDS = next(dict(s.choices) for s in build_field_specs("") if s.name == "health_band")
"""Bands as they are written, and what HubSpot's lists call them."""
LIST_ONLY = {"cs_churn_probability_at"}
"""Properties for views and lists of companies, which the card does not show."""


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_card_reads_the_properties_that_are_written() -> None:
    code = (CARDS / "reading.ts").read_text(encoding="utf-8")
    [listed] = re.findall(r"const FIELDS = \[(.*?)\]", code, re.DOTALL)
    [prefix] = re.findall(r"PREFIX = '(.*?)'", code)
    names = re.findall(r"'(\w+)'", listed)
    written = {spec.name for spec in build_field_specs("cs_")}
    assert {prefix + name for name in names} == written - LIST_ONLY


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_card_names_every_band_as_the_crm_does(language: Language) -> None:
    code = (CARDS / "texts.ts").read_text(encoding="utf-8")
    [listed] = re.findall(r"const KEYS = \[(.*?)\]", code, re.DOTALL)
    [row] = re.findall(rf"(?m)^  '?{language}'?: \[(.*)\],$", code)
    keys, texts = (re.findall(r"'([^']*)'", text) for text in (listed, row))
    card, choices = dict(zip(keys, texts, strict=True)), get_translator(language)
    for band in BANDS:
        assert card[band] == choices(f"field.choice.{band}")


def test_the_project_is_one_app_with_one_card_and_no_server() -> None:
    project, app = load(ROOT / "hsproject.json"), load(APP / "app-hsmeta.json")
    card = load(CARDS / "health-card-hsmeta.json")
    assert (ROOT / project["srcDir"] / "app").is_dir()
    assert (app["type"], card["type"]) == ("app", "card")
    assert app["uid"] != card["uid"]
    assert app["config"]["permittedUrls"] == {"fetch": [], "iframe": [], "img": []}
    assert not any(scope.endswith(".write") for scope in app["config"]["auth"]["requiredScopes"])
    assert (ROOT / project["srcDir"] / card["config"]["entrypoint"].lstrip("/")).is_file()
    assert card["config"]["objectTypes"] == ["companies"]


def test_the_exact_versions_are_locked_and_no_address_of_a_registry_is_kept() -> None:
    locked = load(CARDS / "package-lock.json")["packages"]
    assert locked[""]["dependencies"] == load(CARDS / "package.json")["dependencies"]
    assert [name for name, entry in locked.items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in locked.items() if name)
    assert "omit-lockfile-registry-resolved=true" in (CARDS / ".npmrc").read_text()


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_a_list_filters_companies_by_what_is_written(path: Path) -> None:
    """As HubSpot's own client models it; only the operators' names are ours to check."""
    body = load(path)
    models.ListCreateRequest(
        name=body["name"], object_type_id="0-2", processing_type=body["processingType"]
    )
    assert (body["objectTypeId"], body["processingType"]) == ("0-2", "DYNAMIC")
    root = body["filterBranch"]
    models.PublicOrFilterBranch(root["filterBranchType"], [], "OR", root["filters"])
    [branch] = root["filterBranches"]
    models.PublicAndFilterBranch(branch["filterBranchType"], [], "AND", [])
    known = {spec.name for spec in build_field_specs("cs_")} | {"hubspot_owner_id"}
    for each in branch["filters"]:
        assert each["filterType"] == "PROPERTY"
        assert each["property"] in known
        given = {_snake(name): value for name, value in each["operation"].items()}
        model, operators = OPERATIONS[given["operation_type"]]
        assert model(**given).to_dict() == given
        assert given["operator"] in operators
        if each["property"] == "cs_health_band":
            assert set(given["values"]) <= BANDS.keys()


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
