"""A signal that a plugin brings: found by name, and in words of its own."""

from collections.abc import Iterator

import pytest

from cs_sync.health import get_signal
from cs_sync.health.facts import AccountEvidence
from cs_sync.health.sentences import get_sentence_builder
from cs_sync.health.signal_words import describe_absence, name_signal
from cs_sync.health.signals.registry import SIGNALS, Signal, register_signals
from cs_sync.health.signals.support import open_tickets
from cs_sync.i18n import ENGLISH, get_translator
from cs_sync_schemas.tables import TICKET
from tests.health.conftest import SCOPE

CALLS = Signal("calls_30", open_tickets, (TICKET,), title="Calls", absence="No call data")
SAID = Signal(
    "visits", open_tickets, (TICKET,), title="Visits", absence="Never visited",
    sentence=lambda value, words: f"{words.number(value)} visits\nlast year",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    register_signals([CALLS, SAID])
    yield
    register_signals([])


def test_it_is_found_beside_ours_until_others_are_registered() -> None:
    assert get_signal("calls_30") is CALLS
    assert get_signal("open_tickets") is SIGNALS["open_tickets"]
    register_signals([SAID])
    with pytest.raises(ValueError, match=r"unknown signal 'calls_30'; use one of: .*visits"):
        get_signal("calls_30")


def test_it_is_named_in_its_own_words() -> None:
    assert (name_signal("calls_30", ENGLISH), name_signal("open_tickets", ENGLISH)) == (
        "Calls",
        "Open tickets",
    )
    assert describe_absence("calls_30", ENGLISH) == "No call data"
    assert describe_absence("open_tickets", ENGLISH) == "No ticket data"


@pytest.mark.parametrize(
    ("signal", "language", "text"),
    [
        ("calls_30", "en", "Calls: 2.5"),
        ("calls_30", "pl", "Calls: 2,5"),
        ("calls_30", "zh-Hans", "Calls：2.5"),
        ("visits", "en", "2.5 visits last year"),
    ],
)
def test_its_reason_is_a_line(signal: str, language: str, text: str) -> None:
    words = get_translator(language)
    assert get_sentence_builder(signal)(2.5, AccountEvidence(), SCOPE, words) == text
