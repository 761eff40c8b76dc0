"""History before the first sync: rebuilt from invoices, and said to be rebuilt, not proven."""

import pytest

from tests.jobs.road import Acme

pytestmark = pytest.mark.slow("syncs all of Acme")

YEARS = ("--since", "2024-01-01", "--until", "2026-11-01")


def test_what_is_rebuilt_is_marked_told_and_exported(acme: Acme) -> None:
    spans = acme.select("SELECT * FROM mrr_span WHERE known_to IS NULL")
    rebuilt = [span for span in spans if span["reconstructed"]]
    assert 0 < len(rebuilt) < len(spans)
    (first,) = acme.select(
        "SELECT MIN(COALESCE(first_seen_at, changed_at)) AS at FROM subscription"
    )
    assert all(span["valid_from"] < first["at"] for span in rebuilt)
    assert all(span["valid_to"] for span in rebuilt), "what runs today is proven by the source"
    accounts = {span["account_id"] for span in rebuilt}
    output = acme.run("mrr", *YEARS).messages
    assert f"the MRR of {len(accounts)} accounts is partly estimated" in output
    assert acme.run("export", str(acme.path / "out")).code == 0
    header, *lines = (acme.path / "out" / "mrr_span.csv").read_text().splitlines()
    assert "reconstructed" in header.split(",")
    assert sum(line.endswith(",true") or ",true," in line for line in lines) >= len(rebuilt)


def test_what_began_after_the_first_sync_is_not_marked(acme: Acme) -> None:
    output = acme.run("mrr", "--since", "2026-10-01", "--until", "2026-11-01").messages
    assert "rebuilt" not in output
