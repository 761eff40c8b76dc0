"""The changelog: one line of at most 120 characters per change, under the usual heads."""

from pathlib import Path

LINES = (Path(__file__).parents[1] / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
HEADS = ("### Added", "### Changed", "### Deprecated", "### Removed", "### Fixed", "### Security")


def test_every_change_is_one_short_line_under_a_head() -> None:
    head = None
    for line in LINES[4:]:
        assert len(line) <= 120, line
        if line.startswith("## "):
            head = None
        elif line.startswith("### "):
            assert line in HEADS, line
            head = line
        elif line:
            assert line.startswith("- "), line
            assert head is not None, line
            assert line.endswith("."), line
