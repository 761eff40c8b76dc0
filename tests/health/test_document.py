"""The page of health is current, and says of every signal what it is."""

from pathlib import Path

from cs_sync.health.document import render_page
from cs_sync.health.signals.registry import SIGNALS

PAGE = Path(__file__).parents[2] / "docs" / "health.md"


def test_the_page_is_what_the_signals_say() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == render_page() + "\n", (
        "run: python -m cs_sync.health.document > docs/health.md"
    )


def test_every_signal_is_documented() -> None:
    page = render_page()
    for signal in SIGNALS.values():
        assert signal.meaning
        assert f"### `{signal.name}`" in page
