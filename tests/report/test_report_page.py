"""The page: self-contained, safe from its own data, readable by people and by machines."""

import base64
import hashlib
import re
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from cs_sync.contracts.errors import ConfigError
from cs_sync.report import (
    STATE,
    Notices,
    ReportData,
    build_page,
    complete_page,
    extract_text,
    render_report,
)
from cs_sync.report.links import sanitize_link
from cs_sync.report.page import assign_band_colours
from tests.report.conftest import HOSTILE, TODAY, account, point
from tests.report.page_parser import Page

LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background"}


def test_nothing_is_loaded_and_only_our_script_runs(page: Page, html: str) -> None:
    assert not {"img", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    for tag, attributes in page.elements:
        assert not LOADING & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")], tag
        for name, value in attributes.items():
            if name not in ("aria-label", "content", "value", "data-tip"):
                assert "url(" not in (value or ""), (tag, name)
    policy = next(str(m["content"]) for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")
    data, script = page.all("script")
    assert data["type"] == "application/octet-stream"
    assert script == {}
    (code,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy


def test_the_script_never_reads_data_as_html_and_asks_for_nothing(html: str) -> None:
    (code,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                   "fetch(", "XMLHttpRequest", "import(", "WebSocket", "sendBeacon"):  # fmt: skip
        assert danger not in code


def test_style_loads_nothing(html: str) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_only_plain_links_become_links(page: Page, html: str) -> None:
    outside = {a["href"] for a in page.all("a") if not str(a["href"]).startswith("#")}
    assert outside == {"https://crm.test/c/2?a=1&b=2", "https://evil.test"}
    assert "javascript:" not in extract_text(html)


def test_hostile_texts_are_shown_as_they_are(page: Page, html: str) -> None:
    assert page.open == []
    for section in ("today", "accounts", "revenue", "portfolio", "voice", "support", "use", "data"):
        assert HOSTILE in page.text(section), section
    assert HOSTILE not in html


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


def test_every_section_table_chart_and_field_has_a_name(page: Page) -> None:
    identifiers = [a["id"] for _, a in page.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    for section in page.all("section"):
        assert section["aria-labelledby"] in identifiers
    assert len(page.all("table")) == len(page.all("caption"))
    for chart in page.all("svg"):
        if chart.get("aria-hidden") != "true":
            assert chart["role"] == "img"
            assert chart["aria-label"]
            assert chart["viewbox"]
    for anchor in page.all("a"):
        if str(anchor["href"]).startswith("#"):
            assert str(anchor["href"])[1:] in identifiers
    for region in page.elements:
        if region[1].get("tabindex") == "0":
            assert region[1]["aria-label"], region


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_the_first_screen_answers_the_five_questions(page: Page) -> None:
    """123.45 of 563.45 EUR is red: 12,345 ÷ (12,345 + 10,000 × (2 + … + 9))."""
    text = plain(page.text("today"))
    assert "MRR at risk 123.45 EUR ▲ +123.45 EUR in 30 days 2.7% of 4,523 EUR MRR" in text
    assert "Cancelled 0 EUR 0 accounts Invoice overdue 0 EUR 0 accounts" in text
    assert "Health red 123.45 EUR 1 account" in text
    assert "1 JPY = 0.0061 EUR (rate of 1 Nov 2026)" in text
    assert "Not included, as no exchange rate is known: 1.234 KWD" in text
    assert "Contact today 1 due overdue 18 Nov <script>" in text
    assert "Mon 30 Nov Later" in text
    assert "Worse than 30 days ago Mean health score 81.9 (−8.1)" in text
    assert "Ends 123.45 EUR 1 account Renews 200.00 EUR 1 account Unpaid 5.49 EUR 1 account" in text
    assert "2 Dec <script>" in text
    assert "This month so far provisional" in text
    assert "New +50 +50 +50 Reactivation – – –" in text
    assert "Net change +25 +25 +25" in text


def test_accounts_are_a_table_without_any_script(page: Page) -> None:
    text = plain(page.text("accounts"))
    assert "The 10 accounts that matter most today come first" in text
    assert "17 red −73 123.45 EUR Health red <script>" in text
    assert "No NPS answer" in text
    assert "acc_9 acc_9 · Team Kim 90 green 900.00 EUR No reason stands out. –" in text
    rows = [a for tag, a in page.elements if tag == "tr" and "id" in a]
    assert [row["id"] for row in rows][:2] == ["acc-1", "acc-9"]


def test_the_data_has_everything_of_an_account(html: str) -> None:
    data = extract_text(html)
    assert '["acc-2","acc_2","acc_2"' in data
    assert '"200.00 EUR"' in plain(data)


def test_tiles_show_value_change_and_certainty(page: Page) -> None:
    text = plain(page.text("revenue"))
    assert "Net revenue retention 105.0% +3.0 pp vs Sep 2026 Oct 2026, n = 125" in text
    assert "95% interval: 101.0% to 109.0%" in text


def test_figures_are_found_by_their_other_names(page: Page) -> None:
    text = page.text("figures")
    for output in ("NDR", "CHS", "OES", "upsell", "cross-sell", "downgrade", "logo churn"):
        assert f" {output} " in text
    assert "negative churn Net MRR churn rate" in text
    (tile,) = [item for item in page.all("li") if item.get("data-metric") == "nrr"]
    assert "NDR" in str(tile["data-names"])


def test_the_bridge_is_there_converted_and_by_currency(page: Page) -> None:
    text = plain(page.text("revenue"))
    assert "1,201 EUR at the end of Oct 2026 (−7.7%): 50.00 EUR gained, 150.00 EUR lost." in text
    assert "1,200 EUR at the end of Oct 2026 (−7.7%): 50.00 EUR gained, 150.00 EUR lost." in text
    assert (
        "Oct 2026 1,300.00 EUR 0.00 EUR 0.00 EUR 50.00 EUR −150.00 EUR 0.00 EUR 1,200.00 EUR"
        in text
    )
    assert "9,000 JPY at the end of Oct 2026 (±0.0%): 0 JPY gained, 0 JPY lost." in text
    assert text.index("All in EUR") < text.index("MRR and its movements (EUR)")


def test_how_much_of_the_mrr_ties_to_invoices(page: Page) -> None:
    assert (
        "98.7% of MRR ties to invoices at the end of Oct 2026: 1,184.40 EUR of 1,200.00 EUR,"
        " 12.00 EUR unexplained. 50.00 EUR is from sources without invoices."
        in plain(page.text("revenue"))
    )


def test_cohorts_groups_migration_and_portfolio(page: Page) -> None:
    revenue, portfolio = plain(page.text("revenue")), plain(page.text("portfolio"))
    assert "First MRR Accounts MRR 0 1 2" in revenue
    assert "Feb 2026 1 100.00 EUR 100% 100%" in revenue
    assert "By plan Name Accounts MRR At risk Mean score" in revenue
    assert "Team 8 4,400 EUR – 90" in revenue
    assert "Kim 8 4,400 EUR – 90 0 0.0 per account" in portfolio
    assert "Unassigned 1 0 EUR – –" in portfolio
    health = plain(page.text("health"))
    assert "9 with a score" in health
    assert "green 8 80% 4,400 EUR" in health
    assert "insufficient 1 10% 0 EUR" in health
    assert "28 Aug 2026 → 20 Nov 2026" in health


def test_use_support_and_voice(page: Page) -> None:
    assert "4.3 of 10" in page.text("voice")
    assert "1 1 1 123.45 EUR" in plain(page.text("support"))
    use = plain(page.text("use"))
    assert "1–3 1 100% 123.45 EUR" in use
    assert "1 10% 123.45 EUR" in use
    assert " api " not in use, "nobody used it in 28 days"


def test_what_belongs_to_no_account_is_a_share_with_a_list(page: Page) -> None:
    text = plain(page.text("data"))
    assert "Invoiced amounts (EUR) 0.00 EUR 20,000.00 EUR 0.0% –" in text
    assert "Tickets 12 300 4.0%" in text
    assert "zendesk 11" in text


def test_notices_stand_at_the_end_in_words(page: Page) -> None:
    text = plain(page.text("data"))
    assert "The run of 21 Nov 2026 05:15 was only partly successful." in text
    assert "could not be read; there is no data of it yet." in text
    assert "2 records were rejected and are not in the figures." in text
    assert "1.234 KWD could not be converted to EUR" in text
    assert "3 updates of <script>" in text
    assert "rejected 1 update." in text
    assert "posthog: the last 92 days may still be incomplete" in text
    assert "2 records could belong to several accounts" in text
    assert "4 follow-ups are deferred" in text
    assert "1 follow-up is unassigned" in text
    assert "Run cs-sync check ." in text or "Run cs-sync check." in text
    sections = [section["aria-labelledby"] for section in page.all("section")]
    assert sections[-1] == "data"


def test_writes_and_freshness(page: Page) -> None:
    text = plain(page.text("data"))
    assert "2 created 1,234 updated 5 unchanged 1 rejected 3 unknown" in text
    assert "stripe invoices ok 21 Nov 2026 05:15 8,123 2" in text


def test_an_empty_report_says_so_in_sentences(empty: ReportData) -> None:
    page = Page(render_report(empty))
    for section in ("accounts", "revenue", "health", "portfolio", "voice", "support", "use"):
        assert page.text(section).endswith("."), section
    for text in (
        "No account pays MRR yet.", "No open follow-ups.", "There is no history yet.",
        "Nothing ends, renews or is unpaid in the next 90 days.",
    ):  # fmt: skip
        assert text in page.text("today")
    assert not page.all("svg")
    assert "No source has been read yet." in page.text("data")


def test_nobody_scored_is_grey_and_neither_red_nor_green(empty: ReportData) -> None:
    grey = [account("a", point(500, None, "insufficient")), account("b", point(1, 80))]
    html = render_report(replace(empty, accounts=grey, months=[TODAY] * 12))
    page = Page(html)
    assert "1 with a score" in page.text("health")
    assert (
        assign_band_colours(["red", "insufficient"])["insufficient"] == "var(--band-insufficient)"
    )
    assert "insufficient 1 50%" in page.text("health")


def test_bands_have_the_colours_of_their_names() -> None:
    names = ("at risk", "yellow", "green", "a;b", "x", "y", "z")
    assert list(assign_band_colours(names).values()) == [
        "var(--band-0)",
        "var(--band-yellow)",
        "var(--band-green)",
        "var(--band-3)",
        "var(--band-4)",
        "var(--band-5)",
        "var(--band-5)",
    ]


def test_more_accounts_than_the_table_holds_are_told(
    empty: ReportData, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("page", "payload"):
        monkeypatch.setattr(f"cs_sync.report.{module}.MAX_ACCOUNTS", 3)
    accounts = [account(f"acc{n}", point(n + 1)) for n in range(5)]
    html = render_report(replace(empty, accounts=accounts, months=[TODAY] * 12))
    assert "The table has 3 of 5 accounts, those that matter most." in plain(html)
    data = extract_text(html).splitlines()[-1]
    assert [f'"acc{n}","acc{n}"' in data for n in range(5)] == [False, False, True, True, True]


# ---------------------------------------------------------------------------- languages


def test_a_missing_library_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, empty: ReportData
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ConfigError, match="jinja2") as caught:
        render_report(empty)
    assert caught.value.remedy == "pip install 'customer-success-sync[report]'"


@pytest.mark.slow("starts a process")
def test_importing_the_report_loads_no_template_library() -> None:
    code = "import sys, cs_sync.report; print({'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_page_is_small(html: str) -> None:
    assert len(html.encode()) < 500_000


def test_the_sections_rest_on_no_state_of_the_making(hostile: ReportData) -> None:
    """What is kept of the page is completed with the moment, the run, and the sources of today."""
    other = replace(
        hostile, run=None, writes={}, streams=(), unattributed=(), destination="",
        notices=Notices(deferred=3), generated_at=hostile.generated_at + timedelta(minutes=7),
    )  # fmt: skip
    assert {name for name in hostile.__struct_fields__ if getattr(hostile, name) != getattr(
        other, name)} == {*STATE}  # fmt: skip
    page = build_page(hostile)
    assert build_page(other) == page
    assert complete_page(page.html, hostile) == render_report(hostile)
    assert "<!--" not in complete_page(page.html, other)
