"""Write the pages and the index into the folder of the documentation."""

import sys
from pathlib import Path

from cs_sync.cli.reference.index import render_index
from cs_sync.cli.reference.pages import PAGES, render_page

docs = Path(sys.argv[1])
for name in PAGES:
    (docs / "reference" / name).write_text(render_page(name), encoding="utf-8")
(docs / "llms.txt").write_text(render_index(docs), encoding="utf-8")
