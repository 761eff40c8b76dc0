"""The host names no vendor in its code: what is a vendor's own comes from its connector."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cs_sync

HOST = Path(cs_sync.__file__).parent
VENDOR = re.compile(r"hubspot|stripe|zendesk|posthog", re.IGNORECASE)
WORD = re.compile(r"[\w.\-/]+")
"""A string that is an identifier, a header, a field or a path, and no prose."""
ALLOWED = {
    "plugins/distributions.py": {"hubspot", "posthog", "stripe", "zendesk"},  # what we publish
    "metrics/mrr/policy.py": {"stripe"},  # a policy named after the tool that counts so
}


def find_vendors(code: str) -> Iterator[str]:
    """Yield identifiers and one-word strings that name a vendor; docstrings are prose."""
    tree = ast.parse(code)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        names = [getattr(node, name, None) for name in ("id", "attr", "arg", "name", "module")]
        if isinstance(node, ast.Constant) and id(node) not in prose:
            names.append(node.value)
        for name in names:
            if isinstance(name, str) and WORD.fullmatch(name) and VENDOR.search(name):
                yield name


@pytest.mark.slow("parses every file of the product")
def test_the_host_names_no_vendor() -> None:
    named: dict[str, set[str]] = {}
    for path in sorted(HOST.rglob("*.py")):
        place = path.relative_to(HOST).as_posix()
        if not place.startswith("testing/") and (actual := set(find_vendors(path.read_text()))):
            named[place] = actual
    assert named == ALLOWED


@pytest.mark.parametrize(
    "code",
    [
        'HEADER = "x-hubspot-correlation-id"',
        "_STRIPE = 1",
        "def read_zendesk(): ...",
        "from cs_sync_posthog import x",
        'f("stripe")',
    ],
)
def test_a_new_name_is_caught(code: str) -> None:
    assert list(find_vendors(code))


def test_prose_may_name_a_vendor() -> None:
    assert not list(find_vendors('"""Stripe"""\nremedy = "as Stripe does"'))
