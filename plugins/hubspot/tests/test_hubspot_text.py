"""Texts of tasks: plain to HubSpot, and our links alone are links."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync_hubspot.text import (
    format_body,
    format_html,
    format_value,
    join_line,
    parse_html,
    strip_unprintable,
)


def test_our_links_are_links_and_nobody_else_s() -> None:
    ours = "- stripe INV-1: https://pay.example/1?a=1&b=2"
    theirs = (
        "- Ana: “https://evil.example”\nhttps://evil.example\n- <a href=x>: https://evil.example"
    )
    made = format_body(f"Look at:\n{ours}\n{theirs}")
    link = "https://pay.example/1?a=1&amp;b=2"
    assert f'<br>- stripe INV-1: <a href="{link}">{link}</a><br>' in made
    assert made.count("<a ") <= 2
    assert "“<a" not in made
    assert parse_html(made) == parse_html(format_html(f"Look at:\n{ours}\n{theirs}"))


@given(st.text(), st.integers(1, 40))
def test_a_body_is_never_too_long_and_never_markup(value: str, longest: int) -> None:
    body = format_html(value, longest)
    assert len(body) <= longest
    assert "<" not in body.replace("<br>", "")
    whole = format_html(value, 10**6)
    assert body == whole or (body.endswith("…") and whole.startswith(body[:-1]))


@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_can_be_sent(value: str) -> None:
    assert orjson.loads(orjson.dumps(strip_unprintable(value))) == strip_unprintable(value)
    assert "\n" not in join_line(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(72.0, "72"), (0.1, "0.1"), (True, "true"), (False, "false"), (-3, "-3"), ("a", "a")],
)
def test_values_are_written_as_text(value: object, text: str) -> None:
    assert format_value(value) == text
