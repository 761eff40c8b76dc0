"""What a warning of a broken plugin says is not said again by the error that follows from it."""

from cs_sync.cli.main import leave_out_warnings
from cs_sync.plugins import BrokenPlugin

MISTAKES = "connector.toml has 2 mistakes:\n    line 17: unknown key\n    line 31: unknown key"
BROKEN = BrokenPlugin("acme", "customer-success-sync-acme", "0.1.0", MISTAKES, "correct them")


def test_an_error_names_the_plugin_and_the_remedy_alone() -> None:
    where = "cs_sync.toml, line 21: connectors.acme: customer-success-sync-acme 0.1.0"
    error = f"{where} cannot be used: {MISTAKES}\n  → correct them"
    left = leave_out_warnings(error, [BROKEN])
    assert left == f"{where} cannot be used, as the warning says\n  → correct them"
    assert leave_out_warnings(error, []) == error
