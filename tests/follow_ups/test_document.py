"""The page of playbooks is current, and what it says can be written into the file."""

import re
import tomllib
from pathlib import Path

from cs_sync.config.playbooks import read_playbook_settings
from cs_sync.follow_ups import PLAYBOOKS, FollowUpSettings
from cs_sync.follow_ups.document import render_playbooks

PAGE = Path(__file__).parents[2] / "docs" / "playbooks.md"


def test_the_page_is_what_the_registry_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_playbooks(PLAYBOOKS.values()), (
        "run: python -m cs_sync.follow_ups.document > docs/playbooks.md"
    )


def test_its_example_can_be_used() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", render_playbooks(PLAYBOOKS.values()), re.DOTALL)
    given = tomllib.loads(example)
    assert FollowUpSettings.model_validate(given["follow_ups"]).daily_cap == 8
    settings, mistakes = read_playbook_settings(given["playbooks"], PLAYBOOKS)
    assert mistakes == []
    assert not settings["passive_value"].enabled


def test_every_default_that_it_shows_can_be_written() -> None:
    for name, entry in re.findall(r"## `(\w+)`\n(.*?)(?=\n## |\Z)", PAGE.read_text(), re.DOTALL):
        lines = re.findall(r"- `(.+? = .+?)`", entry)
        given = tomllib.loads("\n".join(lines))
        if name in PLAYBOOKS:
            settings, mistakes = read_playbook_settings({name: given}, PLAYBOOKS)
            assert (mistakes, settings[name]) == ([], PLAYBOOKS[name].defaults)


def test_the_smallest_playbooks_stay_small() -> None:
    room = Path(__file__).parents[2] / "cs_sync" / "follow_ups" / "playbooks"
    sizes = [len(path.read_text().splitlines()) for path in room.glob("*.py")]
    assert max(sizes) < 100
