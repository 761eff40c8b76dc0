"""Topics of tickets in a language: known ones translated, others as they are."""

import pytest

from cs_sync.health.wording import name_topic
from cs_sync.i18n import LANGUAGES, Language, get_translator

SANDBOX = ("integration", "bug", "performance", "how-to", "login", "billing", "export")
"""Topics of the sandbox's tickets."""


@pytest.mark.parametrize(
    ("topic", "language", "name"),
    [
        ("Feature-Request", "pl", "prośby o funkcje"),
        ("how to", "ro", "cum se folosește"),
        (" billing ", "zh-Hant", "帳務"),
        ("billing", "en", "billing"),
        ("our_own_words", "pl", "our own words"),
        ("naïve café", "th", "naïve café"),
    ],
)
def test_topics_of_tickets(topic: str, language: Language, name: str) -> None:
    assert name_topic(topic, get_translator(language)) == name


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_topic_of_the_demo_stays_english(language: Language) -> None:
    words = get_translator(language)
    for topic in SANDBOX:
        assert name_topic(topic, words) != topic.replace("-", " "), topic
