"""Every known failure has a test named after it, or a reason why it does not apply."""

import re
from pathlib import Path

HERE = Path(__file__).parent
DECISIONS = HERE.parents[1] / "docs" / "decisions"
ALL = set(range(1, 61))


def test_every_known_failure_has_a_test_or_a_reason() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    tested = {int(number) for number in re.findall(r"^def test_p(\d\d)_\w", tests, re.M)} - {0}
    (page,) = DECISIONS.glob("*-known-failures.md")
    part = page.read_text(encoding="utf-8")
    excused = {int(number) for number in re.findall(r"^- \*\*P(\d+)\*\* .+", part, re.M)}
    assert tested | excused == ALL
    assert not tested & excused, "what has a test needs no excuse"
