"""Time the report of 10,000 accounts in Chromium: `python -m benchmarks.report`.

It prints the page's bytes, the first paint and the search of an account, in milliseconds: the
least and the median of five pages.
"""

import json
import statistics
import tempfile
from pathlib import Path

from cs_sync.report import render_report
from tests.report.browser import open_browser
from tests.report.test_report_in_a_browser import make_large, show

ROUNDS = 5
PAINT = "performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)[0]"
SEARCH = (
    "(() => { const it = document.getElementById('f-search'), begun = performance.now();"
    " it.value = 'acct_0123'; it.dispatchEvent(new Event('input', {bubbles: true}));"
    " return performance.now() - begun; })()"
)


def measure_page(folder: Path) -> dict[str, object]:
    """Return bytes, and (least, median) milliseconds of the first paint and of a search."""
    page = folder / "report.html"
    page.write_text(render_report(make_large(10_000)), encoding="utf-8")
    paints, searches = [], []
    for number in range(ROUNDS):
        with open_browser(folder / f"profile{number}") as tab:
            show(tab, page)
            paints.append(tab.run(PAINT))
            searches.append(tab.run(SEARCH))
    return {
        "bytes": page.stat().st_size,
        "first paint, ms": (min(paints), statistics.median(paints)),
        "search, ms": (min(searches), statistics.median(searches)),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure_page(Path(folder))))
