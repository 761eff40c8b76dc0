"""The page: self-contained, safe from its own data, readable by people and by machines."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cs_sync.contracts.errors import ConfigError
from cs_sync.report import BandCount, ReportData, render_report
from cs_sync.report.page import assign_band_colours, sanitize_link

VOID = {"meta", "link", "br", "img", "input", "hr"}
LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background"}


class Page(HTMLParser):
    """Elements with their attributes, the text of each section, and the tags left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.sections: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self.sections.append(str(dict(attrs)["aria-labelledby"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "section":
            self.sections.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "text"):
            where = self.sections[-1] if self.sections else ""
            self.texts.setdefault(where, []).append(data)

    def text(self, section: str) -> str:
        return " ".join("".join(self.texts[section]).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(hostile: ReportData) -> Page:
    return Page(render_report(hostile))


@pytest.fixture
def empty() -> ReportData:
    return ReportData("Acme", datetime(2026, 11, 21, tzinfo=UTC), date(2026, 11, 20))


def test_nothing_is_loaded_and_nothing_runs(page: Page) -> None:
    assert not {"script", "img", "iframe", "object", "embed", "form", "base"} & {
        tag for tag, _ in page.elements
    }
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    for tag, attributes in page.elements:
        assert not LOADING & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")], tag
        for name, value in attributes.items():
            if name not in ("aria-label", "content"):
                assert "url(" not in (value or ""), (tag, name)
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert str(policy).startswith("default-src 'none'")


def test_style_loads_nothing(hostile: ReportData) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", render_report(hostile), flags=re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_only_plain_links_become_links(page: Page) -> None:
    outside = [a["href"] for a in page.all("a") if not str(a["href"]).startswith("#")]
    assert outside == ["https://crm.test/c/2?a=1&b=2"]


def test_hostile_texts_are_shown_as_they_are(page: Page, hostile: ReportData) -> None:
    assert page.open == []
    for section in ("watch", "writes", "fresh", "bands", "warnings"):
        assert hostile.workspace in page.text(section), section


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://app.example.com/1", True),
        ("http://127.0.0.1:8900/c/1", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.test", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_links(link: str, kept: bool) -> None:
    assert sanitize_link(link) == (link if kept else "")


def test_headings_go_down_one_step_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_section_table_and_chart_has_a_name(page: Page) -> None:
    identifiers = [a["id"] for _, a in page.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    for section in page.all("section"):
        assert section["aria-labelledby"] in identifiers
    assert len(page.all("table")) == len(page.all("caption")) == 6
    charts = page.all("svg")
    assert len(charts) == 2 * 4, "wide and narrow: two currencies, bands now, bands over time"
    for chart in charts:
        assert chart["role"] == "img"
        assert chart["aria-label"]
        assert chart["viewbox"]
    for anchor in page.all("a"):
        if str(anchor["href"]).startswith("#"):
            assert str(anchor["href"])[1:] in identifiers


def test_tiles_show_value_change_and_certainty(page: Page) -> None:
    text = page.text("kpis")
    assert "Net revenue retention 105.0 % +3.0 pp on Sep 2026 Oct 2026, n = 125" in text
    assert "95 % interval: 101.0 % to 109.0 %" in text


def test_figures_are_found_by_their_other_names(page: Page) -> None:
    text = page.text("kpis")
    for said in ("NDR", "CHS", "OES", "upsell", "cross-sell", "downgrade", "logo churn"):
        assert f" {said} " in text
    assert "negative churn Net MRR churn" in text
    (tile,) = [one for one in page.all("li") if one.get("data-metric") == "nrr"]
    assert "NDR" in str(tile["data-names"])


def test_the_bridge_is_there_in_numbers(page: Page) -> None:
    text = page.text("mrr")
    assert "MRR in EUR EUR 1,200 at the end of Oct 2026 (−7.7 %)" in text
    assert "EUR 50.00 gained, EUR 150.00 lost." in text
    assert (
        "Oct 2026 EUR 1,300.00 EUR 0.00 EUR 0.00 EUR 50.00 EUR −150.00 EUR 0.00 EUR 1,200.00"
        in text
    )
    assert "JPY 9,000 at the end of Oct 2026 (±0.0 %): JPY 0 gained, JPY 0 lost." in text


def test_how_much_of_the_mrr_ties_to_invoices(page: Page) -> None:
    said = " ".join(page.text("mrr").replace("\u00a0", " ").replace("\u202f", " ").split())
    assert (
        "98.7 % of MRR ties to invoices at the end of Oct 2026: EUR 1,184.40 of EUR 1,200.00,"
        " EUR 12.00 unexplained. EUR 50.00 is from sources without invoices." in said
    )


def test_what_belongs_to_no_account_is_a_share_with_a_list(page: Page) -> None:
    said = " ".join(page.text("apart").replace("\u00a0", " ").replace("\u202f", " ").split())
    assert "money in EUR EUR 0.00 EUR 20,000.00 0.0 % –" in said
    assert "tickets 12 300 4.0 %" in said
    assert "zendesk 11" in said


def test_bands_and_watch_list(page: Page) -> None:
    bands, watch = page.text("bands"), page.text("watch")
    assert "12 accounts with a score" in bands
    assert "green 9 75 % EUR 1,077 + JPY 9,000" in bands
    assert "EUR 123.45 17 <script>" in watch
    assert "−13" in watch
    assert "Globex acc_2 – – green – No reason stands out. –" in watch


def test_what_went_wrong_stands_at_the_top(page: Page) -> None:
    text = page.text("warnings")
    assert "Run cs-sync check ." in text or "Run cs-sync check." in text
    assert "The run of 21 Nov 2026 05:15 was only partly successful." in text
    assert "it has never been read to the end." in text
    assert "2 records were rejected and left out" in text
    assert "3 writes to " in text
    assert "rejected 1 write: see" in text


def test_writes_and_freshness(page: Page) -> None:
    assert "2 created 1,234 updated 5 unchanged 1 rejected 3 unknown" in page.text("writes")
    assert "stripe invoices ok 21 Nov 2026 05:15 8,123 2" in page.text("fresh")


def test_an_empty_report_says_so_in_sentences(empty: ReportData) -> None:
    page = Page(render_report(empty))
    for section in ("kpis", "mrr", "bands", "watch", "writes", "fresh"):
        assert page.text(section).endswith("."), section
    assert "warnings" not in page.texts
    assert not page.all("svg")
    assert not page.all("table")


def test_a_good_run_warns_of_nothing(empty: ReportData, kpi: Callable[..., Any]) -> None:
    data = ReportData(
        empty.workspace, empty.generated_at, empty.as_of, kpis=[kpi("nps", 10, 40.0, unit="score")]
    )
    page = Page(render_report(data))
    assert "warnings" not in page.texts
    assert "NPS 40 Oct 2026" in page.text("kpis")


def test_bands_have_the_colours_of_their_names() -> None:
    bands = [BandCount(name, 1) for name in ("at risk", "yellow", "green", "a;b", "x", "y", "z")]
    assert list(assign_band_colours(bands).values()) == [
        "var(--band-0)",
        "var(--band-yellow)",
        "var(--band-green)",
        "var(--band-3)",
        "var(--band-4)",
        "var(--band-5)",
        "var(--band-5)",
    ]


def test_accounts_without_a_score_are_grey_and_not_counted_as_scored(empty: ReportData) -> None:
    bands = [BandCount("green", 2), BandCount("insufficient", 3)]
    page = Page(render_report(replace(empty, bands=bands)))
    assert "2 accounts with a score" in page.text("bands")
    assert assign_band_colours(bands)["insufficient"] == "var(--band-insufficient)"


def test_every_colour_of_a_chart_is_defined_for_light_and_dark(hostile: ReportData) -> None:
    html = render_report(hostile)
    used = set(re.findall(r"var\((--[\w-]+)\)", html))
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in _themes(html))
    assert used <= light
    assert light == dark
    assert not re.findall(r'(?:fill|stroke)="#', html), "a colour that does not follow the theme"


def test_texts_have_enough_contrast(empty: ReportData) -> None:
    """WCAG 2.1 level AA: 4.5 to 1 for text."""
    for block in _themes(render_report(empty)):
        colours = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", block))
        for ink in ("--ink", "--soft", "--accent", "--good", "--bad"):
            for paper in ("--page", "--card"):
                assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        assert _contrast(colours["--warn-ink"], colours["--warn"]) >= 4.5


def _themes(html: str) -> tuple[str, str]:
    light, dark = re.findall(r":root \{\s*(?:color-scheme: light dark;)?(.*?)\}", html, re.DOTALL)[
        :2
    ]
    return light, dark


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("missing", ["jinja2", "vl_convert"])
def test_a_missing_library_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, empty: ReportData, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=missing) as caught:
        render_report(empty)
    assert caught.value.remedy == "pip install 'customer-success-sync[report]'"


def test_importing_the_report_loads_no_drawing_library() -> None:
    code = "import sys, cs_sync.report; print({'vl_convert', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_page_is_small(hostile: ReportData, tmp_path: Path) -> None:
    assert len(render_report(hostile).encode()) < 400_000
