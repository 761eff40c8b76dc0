"""The page in a real browser, where one is installed: as people see and use it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from cs_sync.report import HistoryPoint, ReportData, TaskLine, TicketLine, UseLine, render_report
from tests.report.browser import CHROMIUM, Tab, open_browser
from tests.report.conftest import AT, HOSTILE, MONTHS, TODAY, account, point

pytestmark = [
    pytest.mark.slow("starts a browser"),
    pytest.mark.skipif(
        not CHROMIUM, reason="needs Chromium; the page's source is checked without it"
    ),
]
WIDTHS = (390, 1280, 1920)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with open_browser(tmp_path_factory.mktemp("profile")) as actual:
        yield actual


@pytest.fixture(scope="module")
def page(hostile: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_report(hostile), encoding="utf-8")
    return path


def show(tab: Tab, page: Path, width: int = 1280, scheme: str = "light", at: str = "") -> None:
    tab.errors.clear()
    tab.resize(width)
    tab.emulate(scheme)
    tab.open(page, at)
    tab.wait("!document.getElementById('filters').hidden")


def choose(tab: Tab, field: str, value: str) -> None:
    """Type or choose a value, as a person would."""
    tab.run(
        f"(() => {{ const it = document.getElementById({field!r}); it.value = {value!r};"
        " it.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_it_asks_for_nothing_and_its_script_runs(tab: Tab, page: Path) -> None:
    show(tab, page)
    assert [url for url in tab.requests if not url.startswith(("file:", "data:"))] == []
    assert tab.errors == []
    assert tab.run("document.querySelectorAll('#rows tr').length") == 10
    assert tab.run("document.querySelector('#rows bdi').textContent") == HOSTILE


@pytest.mark.parametrize(
    ("field", "value", "names"),
    [
        ("f-search", "acc_7", ["acc_7"]),
        ("f-search", "kim acc_2", ["acc_2"]),
        ("f-owner", "-1", ["acc_grey"]),
        ("f-risk", "2", [HOSTILE]),
        ("f-band", "4", ["acc_grey"]),
    ],
)
def test_accounts_are_filtered(
    tab: Tab, page: Path, field: str, value: str, names: list[str]
) -> None:
    show(tab, page)
    choose(tab, field, value)
    shown = "[...document.querySelectorAll('#rows th bdi')].map((one) => one.textContent)"
    assert tab.run(shown) == names
    assert tab.run("document.getElementById('found').textContent") == f"Accounts: {len(names)}"


def test_a_click_on_a_heading_sorts_up_and_down(tab: Tab, page: Path) -> None:
    show(tab, page)
    mrr = "[...document.querySelectorAll('#rows .amount')].map((one) => one.textContent)[0]"
    for order, first in (("descending", "900.00\u00a0EUR"), ("ascending", "–")):
        tab.run("document.querySelector('[data-sort=mrr] button').click()")
        assert (
            tab.run("document.querySelector('[data-sort=mrr]').getAttribute('aria-sort')") == order
        )
        assert tab.run(mrr) == first


def test_a_deep_link_opens_an_account_and_escape_closes_it(tab: Tab, page: Path) -> None:
    show(tab, page, at="#acc-1")
    assert tab.run("document.querySelector('dialog h2').textContent") == HOSTILE
    text = tab.run("document.querySelector('dialog').innerText").replace("\u00a0", " ")
    for part in (
        "123.45 EUR",
        "17",
        "−73",
        "−40",
        "More use +5",
        "Seats used: 1 of 12",
        "NPS 3",
        "Later",
    ):
        assert part in text, part
    assert tab.run("document.activeElement.closest('dialog') !== null")
    links = tab.run("[...document.querySelectorAll('dialog a')].map((one) => one.href)")
    assert links == ["https://evil.test/"]
    tab.press("Escape")
    tab.wait("!document.querySelector('dialog').open")
    tab.wait("location.hash === '#accounts'")


def test_the_keyboard_reaches_and_opens_everything(tab: Tab, page: Path) -> None:
    """Tab from the top: the skip link, every field and heading of the table, then an account."""
    show(tab, page)
    reached: list[str] = []
    here = (
        "(() => { const it = document.activeElement; const style = getComputedStyle(it);"
        " return [it.tagName, it.id || it.textContent.trim(), style.outlineStyle]; })()"
    )
    for _ in range(60):
        tab.press("Tab")
        tag, name, outline = tab.run(here)
        reached.append(name)
        assert outline != "none" or tag == "BODY", (tag, name)
        if name == "acc_9":
            break
    assert reached[0] == "Skip to the accounts"
    assert {"f-search", "f-owner", "f-plan", "f-segment", "f-band", "f-risk"} <= set(reached)
    assert {"Account", "Owner", "Health", "MRR", "Why", "Next step"} <= set(reached)
    tab.press("Enter")
    tab.wait("document.querySelector('dialog').open")
    assert tab.run("document.querySelector('dialog h2').textContent") == "acc_9"


def test_without_scripts_it_is_a_page_to_read(tab: Tab, page: Path) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.resize(1280)
        tab.open(page, "#acc-9")
        tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
    names = [node.get("name", {}).get("value", "") for node in tree if not node.get("ignored")]
    assert "The 10 accounts that matter most today come first" in names
    assert "acc_9" in names
    assert "Search" not in names, "no field that does nothing"


def test_tips_say_what_a_bar_is(tab: Tab, page: Path) -> None:
    show(tab, page)
    where = tab.run(
        "(() => { const bar = document.querySelector('.pane .wide [data-tip]');"
        " bar.scrollIntoView({block: 'center'});"
        " const box = bar.getBoundingClientRect(); return [box.x + box.width / 2,"
        " box.y + box.height / 2, bar.getAttribute('data-tip')]; })()"
    )
    tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=where[0], y=where[1])
    tab.wait("!document.getElementById('tip').hidden")
    assert tab.run("document.getElementById('tip').textContent") == where[2]
    assert re.fullmatch(r"Oct.2026: 1,201.EUR", where[2])


def test_bands_are_compared_between_any_two_days(tab: Tab, page: Path) -> None:
    """The attacked account was not a customer at first, green in between, and is red."""
    show(tab, page)
    cells = (
        "[...document.querySelectorAll('#m-rows tr')].map((row) =>"
        " [...row.cells].map((cell) => cell.textContent.trim()).join(' '))"
    )
    assert tab.run(cells)[1] == "green 1 8 · ·"
    choose(tab, "m-from", "0")
    assert tab.run(cells)[-1] == "Not a customer 1 · 1 ·"


OVERFLOW = """
(() => {
  const width = document.documentElement.clientWidth, found = [];
  for (const one of document.querySelectorAll("body *")) {
    const box = one.getBoundingClientRect();
    const inside = one.closest(".scroll, svg, nav, .skip, dialog, .hidden, .bar, .stack, option");
    if (box.width && box.right > width + 1 && !inside) found.push(one.outerHTML.slice(0, 90));
  }
  return [document.documentElement.scrollWidth - width, found.slice(0, 5)];
})()
"""
COLLISIONS = """
(() => {
  const seen = (one) => one.offsetParent && getComputedStyle(one).visibility === "visible";
  const cards = [...document.querySelectorAll(".card, .tile")].filter(seen), found = [];
  const boxes = cards.map((one) => one.getBoundingClientRect());
  boxes.forEach((a, n) => boxes.slice(n + 1).forEach((b, m) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 1 && down > 1) found.push([cards[n].className, cards[n + 1 + m].className]);
  }));
  for (const card of cards) {
    const outer = card.getBoundingClientRect();
    for (const one of card.querySelectorAll("p, li, td, th, dd, dt, h3, .value, svg.chart")) {
      const inner = one.getBoundingClientRect();
      if (inner.width && !one.closest(".scroll, .hidden") && inner.right > outer.right + 1)
        found.push([card.className, one.outerHTML.slice(0, 80)]);
    }
  }
  return found.slice(0, 5);
})()
"""
CONTRAST = """
(() => {
  const parse = (text) => {
    const parts = text.match(/[\\d.]+/g).map(Number);
    const unit = text.startsWith("color(") ? 255 : 1;
    const [alpha = 1] = parts.slice(3);
    return { rgb: parts.slice(0, 3).map((n) => n * unit), alpha };
  };
  const linear = (n) => (n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => rgb.map((n) => linear(n / 255))
    .reduce((sum, n, place) => sum + n * [0.2126, 0.7152, 0.0722][place], 0);
  const paper = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const own = parse(getComputedStyle(at).backgroundColor);
      if (own.alpha === 1) return own.rgb;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const one = text.parentElement, style = getComputedStyle(one);
    if (!text.data.trim() || !one.getClientRects().length || one.closest("script, style")) continue;
    const ink = parse(one.closest("svg") ? style.fill : style.color);
    const [high, low] = [light(ink.rgb), light(paper(one))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) found.push([ratio, one.outerHTML.slice(0, 60), text.data.trim().slice(0, 40)]);
  }
  return found.slice(0, 8);
})()
"""


SIDEWAYS = """
[...document.querySelectorAll("main .scroll, main table")].filter((one) => one.offsetParent)
  .filter((one) => one.scrollWidth > one.clientWidth + 1 && !one.closest(".hidden"))
  .map((one) => one.outerHTML.slice(0, 90))
"""
LETTERS = """
[...document.querySelectorAll("svg.chart text")].filter((one) => one.getClientRects().length)
  .map((one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a)
"""


@pytest.mark.slow("starts a browser for each page")
@pytest.mark.parametrize("width", [390, 800, 1280, 1920])
def test_tables_fit_and_letters_of_charts_are_of_one_size(tab: Tab, page: Path, width: int) -> None:
    """No table scrolls sideways; texts of charts are of 10 to 15 pixels."""
    show(tab, page, width)
    for opened in ("true", "false"):
        tab.run(
            f"document.querySelectorAll('details').forEach((one) => {{ one.open = {opened}; }})"
        )
        assert tab.run(SIDEWAYS) == []
        sizes = tab.run(LETTERS)
        assert sizes
        assert 9.5 <= min(sizes) <= max(sizes) <= 15, (min(sizes), max(sizes))


@pytest.mark.slow("starts a browser for each page")
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_runs_over_collides_or_fades(tab: Tab, page: Path, width: int, scheme: str) -> None:
    show(tab, page, width, scheme)
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    over, where = tab.run(OVERFLOW)
    assert (over, where) == (0, [])
    assert tab.run(COLLISIONS) == []
    assert tab.run(CONTRAST) == []
    tab.run("location.hash = '#acc-1'")
    tab.wait("document.querySelector('dialog').open")
    assert tab.run(CONTRAST) == []
    assert tab.run("(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(account)") == 0
    assert tab.errors == []


@pytest.mark.slow("starts a browser for each page")
def test_print_is_light_has_no_empty_page_and_loses_nothing(tab: Tab, page: Path) -> None:
    show(tab, page, scheme="dark")
    tab.emulate("dark", "print")
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.run(CONTRAST) == []
    tab.resize(718)  # A4 less its margins
    over, where = tab.run(OVERFLOW)
    assert (over, where) == (0, [])
    printed = tab.pdf()
    assert printed.startswith(b"%PDF")
    drawn = [
        int(actual[1])
        for number in re.findall(rb"/Contents (\d+) 0 R", printed)
        if (actual := re.search(rb"\n%s 0 obj\s*<<[^>]*/Length (\d+)" % number, printed))
    ]
    assert 2 <= len(drawn) <= 12
    assert min(drawn) > 500, "bytes of a page's drawing; of an empty one there are hardly any"


def make_large(count: int) -> ReportData:
    """A company with so many accounts, each with what an account usually has."""
    reason = "Used on 12 of the last 28 days; 16 in the 28 before"
    accounts = []
    for n in range(count):
        now = replace(point(1_000 + 37 * n % 90_000, n % 101, ("red", "yellow", "green")[n % 3],
                            "unpaid" if n % 50 == 0 else None),
                      lost={"usage": n % 40, "billing": n % 30, "support": n % 20})  # fmt: skip
        past = [replace(now, mrr=now.mrr - 10 * k, score=(n + 7 * k) % 101) for k in range(12)]
        accounts.append(
            account(
                f"acct_{n:05}", now, past=past if n % 5 else [HistoryPoint()] * 6 + past[:6],
                owner=f"Colleague {n % 40}", plan=f"Plan {n % 9}", segment=f"Segment {n % 12}",
                change_30d=n % 11 - 5.0, first_paid=TODAY,
                reasons=[(f"{reason} ({n})", 10.0), (f"Invoice {n} is unpaid", 5.0),
                         (f"{n % 9} tickets in the last 30 days: #{n} #{n + 1}", 4.0),
                         (f"NPS {n % 11} from Person {n} on 12 Nov", None)],
                tickets=[TicketLine(TODAY, f"Export {n} is slow", "export", n % 2 == 0,
                                    f"https://support.test/{n}")],
                use=UseLine(n % 29, n % 27, TODAY, n % 30, 30),
                features={"reports": n % 9, "api": n % 5, f"feature {n % 60}": n % 3},
                tasks=[TaskLine(f"acct_{n:05}", f"Call Account {n} before it leaves", AT, "high",
                                "kim@acme.test")] if n % 20 == 0 else [],
                links=[("stripe", f"https://billing.test/{n}"), ("crm", f"https://crm.test/{n}")],
            )
        )  # fmt: skip
    inputs = {"usage": "Usage", "billing": "Billing", "support": "Support"}
    return ReportData("Large", AT, TODAY, months=MONTHS, accounts=accounts, inputs=inputs)


@pytest.mark.slow("starts a browser for each page")
def test_ten_thousand_accounts_are_a_small_page_of_few_rows(tab: Tab, tmp_path: Path) -> None:
    """Under 5 MB; the browser lays out a hundred rows at a time, also after a filter.

    `python -m benchmarks.report` measures the first paint and the filter.
    """
    page = tmp_path / "large.html"
    page.write_text(render_report(make_large(10_000)), encoding="utf-8")
    assert page.stat().st_size < 5_000_000
    show(tab, page)
    count = "document.getElementById('rows').rows.length"
    assert 0 < tab.run(count) <= 100
    choose(tab, "f-search", "a")
    assert 0 < tab.run(count) <= 100
    choose(tab, "f-search", "acct_0123")
    assert tab.run("document.getElementById('found').textContent") == "Accounts: 10"
    assert tab.run(count) == 10
