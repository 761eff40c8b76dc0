"""Answers to surveys as people read them."""

import pytest

from cs_sync.health.wording import name_answer
from cs_sync.i18n import ENGLISH, get_translator


@pytest.mark.parametrize(
    ("kind", "score", "highest", "text"),
    [
        ("nps", "9", "10", "NPS 9"),
        ("csat", "1", "1", "CSAT: good"),
        ("csat", "0", "1", "CSAT: bad"),
        ("csat", "0.5", "1", "CSAT 0.5/1"),
        ("csat", "4", "5", "CSAT 4/5"),
        ("ces", "6", None, "CES 6"),
    ],
)
def test_a_score_is_read_with_its_scale(
    kind: str, score: str, highest: str | None, text: str
) -> None:
    """A satisfied rating of 1 out of 1 must not read as the worst of ten."""
    assert name_answer(kind, score, highest, ENGLISH) == text
    assert name_answer("csat", "0", "1", get_translator("pl")) == "CSAT: zła ocena"
