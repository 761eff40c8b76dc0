"""A page in one language, with colours that everybody can tell apart."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.i18n import LANGUAGES, Language, get_translator
from cs_sync.report import ReportData, render_report
from cs_sync.report.charts import MOVEMENT_COLOURS
from cs_sync.report.page import DEEP_FROM
from tests.report.conftest import AT, TODAY, account, point
from tests.report.page_parser import Page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_speaks_one_language(language: Language, empty: ReportData) -> None:
    html = render_report(replace(empty, words=get_translator(language)))
    assert f'<html lang="{language}">' in html
    if language != "en":
        english = get_translator("en")
        for key in ("report.call.title", "report.agenda.none", "report.nav.health"):
            assert english(key) not in html


ENGLISH_TEXT = """
    the of and to is in for with account accounts health not data more than days month today
    customer customers no none other open due overdue score scores week rate usage use support
    revenue churn risk calls next owner plan segment search reset close since left new
"""
ENGLISH_WORDS = set(re.findall("[a-z]+", ENGLISH_TEXT))
LOANWORDS = {
    "pl": {"churn", "customer", "plan", "segment", "to"},
    "ro": {"churn", "customer", "plan"},
    "th": {"churn", "customer", "health", "rate", "score"},
}
"""What the field says in that language, or a word of its own that looks the same."""


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_no_english_word_is_left_between(
    language: Language, kpi: Callable[..., Any], step: Callable[..., Any]
) -> None:
    """Everything filled with figures alone, so that every word on the page is ours."""
    words = get_translator(language)
    rows = [kpi(name.removeprefix("metric."), 10, 1.0, n=9, low=0.5, high=2.0, status=status)
            for name in sorted(words.keys()) if name.startswith("metric.")
            for status in ("insufficient", "provisional")]  # fmt: skip
    accounts = [
        account("7", point(100, 10, "red", "red"), plan="7", segment="7", owner="7"),
        account("8", point(100), plan="8", segment="8", owner="8", first_paid=TODAY),
    ]
    data = ReportData(
        "7", AT, TODAY, words, months=[TODAY] * 12, accounts=accounts, kpis=rows,
        mrr=[step(10, 5, 9, new=4)], segment_name="7", unconverted={"KWD": 7},
    )  # fmt: skip
    html = re.sub(r"<style>.*?</style>|<script>.*?</script>|<svg.*?</svg>|<code>.*?</code>", " ",
                  render_report(data), flags=re.DOTALL)  # fmt: skip
    shown = " ".join(
        [*Page(html).all_texts(), *re.findall(r'(?:aria-label|data-tip)="(.*?)"', html)]
    )
    left = {word for word in re.findall(r"[A-Za-z]+", shown) if word.lower() in ENGLISH_WORDS}
    assert {word.lower() for word in left} <= LOANWORDS.get(language, set())


# ------------------------------------------------------------------------------ colours


MOVES = {colour[4:-1] for colour in MOVEMENT_COLOURS.values()}


def test_every_colour_of_a_chart_is_defined_for_light_and_dark(html: str) -> None:
    used = set(re.findall(r"var\((--[\w-]+)\)", html)) - {"--level"}
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in _themes(html))
    assert used <= light
    assert light == dark
    assert not re.findall(r'(?:fill|stroke)="#', html), "a colour that does not follow the theme"


def test_texts_and_marks_have_enough_contrast(html: str) -> None:
    """WCAG 2.1 level AA: 4.5 to 1 for text, 3 to 1 for marks that carry a meaning."""
    for block in _themes(html):
        colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", block))
        for ink in ("--ink", "--soft", "--accent", "--good", "--bad"):
            for paper in ("--page", "--card", "--hover"):
                assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        assert _contrast(colours["--warn-ink"], colours["--warn"]) >= 4.5
        assert _contrast(colours["--heat-ink"], colours["--heat"]) >= 4.5
        assert _contrast(colours["--card"], colours["--accent"]) >= 4.5
        for name, colour in colours.items():
            if name.startswith(("--band-", "--risk-")) or name in MOVES:
                assert _contrast(colour, colours["--card"]) >= 3, name


def test_each_cell_of_a_heat_map_can_be_read(html: str) -> None:
    """Below `DEEP_FROM` percent 0.6 of the colour under dark text, from there all under light."""
    for block in _themes(html):
        colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", block))
        for level in range(101):
            deep = level >= DEEP_FROM
            share = level / 100 if deep else level / 100 * 0.6
            paper = _mix(colours["--heat"], colours["--card"], share)
            assert _contrast(colours["--heat-ink" if deep else "--ink"], paper) >= 4.5, level


def _mix(colour: str, other: str, share: float) -> str:
    """Mix two colours in sRGB, as `color-mix` does."""
    pairs = [(int(colour[n : n + 2], 16), int(other[n : n + 2], 16)) for n in (1, 3, 5)]
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def _themes(html: str) -> tuple[str, str]:
    light, dark = re.findall(r":root \{\s*(?:color-scheme: light dark;)?(.*?)\}", html, re.DOTALL)[
        :2
    ]
    return light, dark


def _contrast(first: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
