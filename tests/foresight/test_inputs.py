"""A model is used only as long as its inputs mean what they meant when it was fitted."""

import hashlib
from datetime import date

from sqlalchemy.dialects import sqlite

from cs_sync.foresight.inputs import ALL_INPUTS, DEFINITION, name_definition
from cs_sync.foresight.observations import DAYS_PER_MONTH, TENURE
from cs_sync.health import build_day_scope, get_signal
from cs_sync.health.signals.billing import select_leaving_accounts

KNOWN = {1: "821e21b78c71d1e7"}
"""Definition → digest of what it means."""


def describe_inputs() -> str:
    """Every input with its statement and the values in it, and who is observed at all."""
    scope = build_day_scope(date(2026, 1, 31))
    builds = [get_signal(item.name).build for item in ALL_INPUTS if item.name != TENURE]
    parts = [repr(ALL_INPUTS), repr(DAYS_PER_MONTH)]
    for build in (*builds, select_leaving_accounts):
        compiled = build(scope).compile(dialect=sqlite.dialect())
        parts += [str(compiled), repr(sorted(map(str, compiled.params.values())))]
    return "\n".join(parts)


def test_a_changed_definition_counts_up() -> None:
    """Where values change, raise DEFINITION; else only the digest here."""
    digest = hashlib.sha256(describe_inputs().encode()).hexdigest()[:16]
    assert KNOWN[DEFINITION] == digest


def test_active_features_are_a_part_of_the_definition() -> None:
    assert name_definition(()) == f"inputs-{DEFINITION}"
    assert name_definition(["a", "b"]) == name_definition(["b", "a"])
    assert len({name_definition(names) for names in ((), ["a"], ["b"], ["a", "b"])}) == 4
