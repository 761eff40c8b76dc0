"""`cs-sync explain` and the history of scores, through the command line on small books."""

from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import pytest

from cs_sync.store.engine import open_store
from cs_sync.store.queries.stored_scores import save_scores
from tests.jobs.road import Place, synced_company

COMPUTED_AT = datetime(2026, 3, 5, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The books, synced on 10 March 2026, with three scores of alpha on record."""
    made = synced_company(tmp_path_factory.mktemp("explained"))
    store = open_store(f"sqlite:///{made.path / 'cs_sync.db'}")
    with closing(store), store.write() as connection:
        for day, mode, band, score, model in [
            (date(2026, 2, 8), "weighted", "green", 80.0, "another model"),
            (date(2026, 2, 20), "points", "excellent", 400.0, "of another mode"),
            (date(2026, 3, 1), "weighted", "green", 75.0, "another model"),
            (date(2026, 3, 5), "weighted", "yellow", 60.0, "another model"),
        ]:
            values = {"score": score, "band": band, "coverage": 1.0, "model": model}
            key = {"account_id": "alpha", "as_of": day, "mode": mode, "computed_at": COMPUTED_AT}
            save_scores(connection, [{**key, **values, "contributions": [], "reasons": []}])
    return made


def explained(place: Place, *options: str) -> dict[str, Any]:
    (row,) = place.json("explain", "alpha", *options)
    return row


@pytest.mark.slow("scores whole books")
def test_the_trend_is_of_one_mode_only(place: Place) -> None:
    assert explained(place)["trend"] == [
        {"since": "2026-02-08", "band": "green", "score": 75.0},
        {"since": "2026-03-05", "band": "yellow", "score": 60.0},
    ]
    assert explained(place, "--as-of", "2026-03-04")["trend"][-1]["band"] == "green"


@pytest.mark.slow("scores whole books")
def test_the_parts_of_the_change_sum_to_it(place: Place) -> None:
    row = explained(place, "--since", "2026-02-20")
    change = row["change"]
    earlier = explained(place, "--as-of", "2026-02-20")
    assert change["total"] == pytest.approx(row["score"] - earlier["score"])
    assert sum(part["points"] for part in change["parts"]) == pytest.approx(change["total"])
    assert "scoring model changed" not in [part["what"] for part in change["parts"]]


@pytest.mark.slow("scores whole books")
def test_a_score_under_another_model_leaves_that_part_to_the_model(place: Place) -> None:
    """It was 80 then; under today's model the same facts give another score."""
    row = explained(place, "--since", "2026-02-08")
    assert row["change"]["total"] == pytest.approx(row["score"] - 80.0)
    under_today = explained(place, "--as-of", "2026-02-08")["score"]
    parts = {part["what"]: part["points"] for part in row["change"]["parts"]}
    assert parts["scoring model changed"] == pytest.approx(under_today - 80.0)
    assert sum(parts.values()) == pytest.approx(row["change"]["total"])


@pytest.mark.slow("scores whole books")
def test_every_source_is_linked_to(place: Place) -> None:
    links = explained(place)["links"]
    assert {"source": "files", "source_id": "alpha", "url": None} in links


@pytest.mark.slow("scores whole books")
def test_a_score_of_any_day_is_the_same_whenever_it_is_asked_for(place: Place) -> None:
    first = place.json("score", "--as-of", "2026-03-01")
    assert place.json("score", "--as-of", "2026-03-01") == first


@pytest.mark.slow("scores whole books")
def test_nothing_was_stored_before_the_first_sync(place: Place) -> None:
    """Of a day that was over by then the facts' own dates tell; of a later one nothing does."""
    ran = place.run("score", "--known-at", "2026-03-01")
    assert (ran.code, "nothing was stored before the first sync" in ran.messages) == (2, True)
    assert place.json("score", "--as-of", "2026-02-28", "--known-at", "2026-03-01")
    assert {row["band"] for row in place.json("score", "--known-at", "2026-03-11")} != {
        "insufficient"
    }


def test_who_changed_bands(place: Place) -> None:
    assert place.json("score", "--since", "2026-03-01") == [
        {"account": "alpha", "name": "Alpha", "as_of": "2026-03-05", "from": "green",
         "to": "yellow", "score": 60.0},
    ]  # fmt: skip
    assert place.json("score", "--since", "2026-03-06") == []
    assert place.run("score", "--since", "2026-03-01", "--as-of", "2026-03-01").code == 2


def test_it_reads_like_a_colleague(place: Place) -> None:
    out = place.run("explain", "alpha").out
    assert out.startswith("Alpha alpha  ")
    assert "green since 8 Feb 2026 → yellow since 5 Mar 2026" in out
    assert out.endswith("Links\n- files alpha\n")


def test_a_day_that_is_not_before_is_refused(place: Place) -> None:
    ran = place.run("explain", "alpha", "--since", "2026-03-10")
    assert ran.code == 2
    assert "2026-03-10 is not before 2026-03-10" in ran.err
