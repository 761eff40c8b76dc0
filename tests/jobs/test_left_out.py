"""One account whose MRR cannot be computed stops no workspace: on SQLite and on PostgreSQL."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cs_sync.store.engine import Store
from tests.jobs.road import CONFIG, Place, small_company
from tests.postgres import WORKSPACES, empty

ODD = {
    "mode": "graduated",
    "tiers": [{"up_to": 5, "unit_amount": 100}],
}
"""Seven units, and the last tier ends at five."""
HUGE = {
    "mode": "volume",
    "tiers": [{"up_to": None, "unit_amount": 10**14, "flat_amount": 0}],
}
"""Each number is possible, a thousand of it is not: 10^17 minor units a month."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = small_company(tmp_path)
    add(made, "odd", 7, ODD)
    add(made, "huge", 1000, HUGE)
    if request.param == "sqlite":
        yield made
        return
    empty(Store(request.getfixturevalue("postgres_engine")))
    url = request.getfixturevalue("postgres_workspace")
    database = f'[database]\nurl = "{url}"\nschema = "{WORKSPACES[0]}"\n'
    made.configure(database + "\n".join(line.strip() for line in CONFIG.splitlines()))
    yield made


def add(place: Place, name: str, quantity: int, tiers: object) -> None:
    """One more account with one item in tiers."""
    append(place, "accounts.csv", f"{name},{name.title()},{name}.example,solo")
    append(place, "subscriptions.csv", f"s-{name},{name},active,2025-01-01,EUR,,,")
    path = place.path / "data" / "subscription_items.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    if "tiers" not in head:
        head, rows = f"{head},tiers", [f"{row}," for row in rows]
    cell = json.dumps(tiers).replace('"', '""')
    rows.append(f'i-{name},s-{name},2025-01-01,,{quantity},month,1,"{cell}"')
    path.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")


def append(place: Place, name: str, row: str) -> None:
    path = place.path / "data" / name
    path.write_text(path.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")


@pytest.mark.slow("syncs and runs whole commands")
def test_the_others_have_their_mrr_and_every_command_says_who_has_none(place: Place) -> None:
    synced = place.run("sync")
    assert synced.code == 3, "partial: two accounts have no MRR"
    assert "2 accounts have no current MRR" in synced.messages
    assert "above the last tier" in synced.messages
    assert "files:i-huge (quantity 1000)" in synced.messages

    shown = place.run("--format", "json", "mrr")
    assert shown.code == 0
    assert "2 accounts have no current MRR" in shown.err
    (closing,) = place.json("metrics", "--as-of", "2026-03-01", "--metric", "mrr")
    assert closing["value"] == 24000 + 7500 + 3000, "Alpha, Beta and Delta"

    scored = place.run("--format", "json", "score")
    assert scored.code == 0
    assert len(scored.rows) == 6


@pytest.mark.parametrize(
    "place",
    [
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.slow("compiles every metric anew")),
    ],
    indirect=True,
)
@pytest.mark.slow("syncs and runs whole commands")
def test_a_whole_run_goes_on_and_the_next_one_says_it_again(place: Place) -> None:
    for _ in range(2):
        ran = place.run("run")
        assert ran.code == 3
        assert "2 accounts have no current MRR" in ran.messages
    waiting = {(row["record"], row["code"]) for row in place.json("rejects", "list")}
    assert waiting == {("account", "mrr")}


@pytest.mark.slow("syncs and runs whole commands")
def test_an_account_that_was_mended_is_back(place: Place) -> None:
    place.run("sync")
    path = place.path / "data" / "subscription_items.csv"
    text = path.read_text(encoding="utf-8")
    mended = text.replace("s-huge,2025-01-01,,1000", "s-huge,2025-01-01,,1")
    path.write_text(mended.replace('""up_to"": 5', '""up_to"": null'), encoding="utf-8")
    ran = place.run("sync")
    assert (ran.code, "no current MRR" in ran.messages) == (0, False)
    assert place.json("rejects", "list") == []


@pytest.mark.slow("syncs and runs whole commands")
def test_retrying_rejects_does_not_look_for_a_source_of_accounts(place: Place) -> None:
    place.run("sync")
    assert place.run("rejects", "retry").code == 3
