"""Free text grouped by topic."""

from random import Random

import pytest

from cs_sync.metrics.topics import Topic, Verbatim, topics
from tests.metrics.conftest import utc

pytest.importorskip("sklearn", reason="topics need the extra `analyse`")

INVOICES = [
    "The invoice had the wrong amount", "Our invoice is always late", "Cannot find the invoice",
    "Invoice totals differ from the contract amount", "Please send the invoice by mail",
    "Wrong amount again on our invoice", "the invoice amount is not what we agreed",
    "Late invoice, late payment",
]  # fmt: skip
EXPORTS = [
    "The export to Excel is slow", "Export times out with many rows", "Slow export of reports",
    "Excel export breaks umlauts", "We need the export every day and it is slow",
    "Export of rows to Excel fails", "the excel export lost rows", "Slow, slow export",
]  # fmt: skip


def spoken(texts: list[str]) -> list[Verbatim]:
    return [Verbatim(f"a{n % 5}", utc(2026, 3, 1 + n), text) for n, text in enumerate(texts)]


def test_texts_are_grouped_by_what_they_are_about() -> None:
    found = topics(spoken([*INVOICES, *EXPORTS]))
    by_word = {topic.words[0]: {v.text for v in topic.verbatims} for topic in found if topic.words}
    assert set(by_word) == {"invoice", "export"}
    assert by_word["invoice"] == set(INVOICES)
    assert by_word["export"] == set(EXPORTS)
    assert {topic.accounts for topic in found} == {5}


def test_every_text_is_in_one_topic_and_kept_as_it_was() -> None:
    said = spoken([*INVOICES, *EXPORTS, "ok", "   "])
    kept = [v for topic in topics(said) for v in topic.verbatims]
    assert sorted(v.text for v in kept) == sorted(v.text for v in said if v.text.strip())


def test_order_and_chance_do_not_matter() -> None:
    said = spoken([*INVOICES, *EXPORTS])
    mixed = list(said)
    Random(3).shuffle(mixed)
    assert topics(mixed) == topics(said)


@pytest.mark.parametrize("texts", [[], ["only one"], ["a", "b", "c", "d", "e", "f", "g"]])
def test_few_or_unlike_texts_are_left_together(texts: list[str]) -> None:
    said = spoken(texts)
    assert topics(said) == ([Topic((), tuple(said))] if said else [])
