"""The component in the real Dagster: how a run ends is how the materialization ends."""

from pathlib import Path
from typing import Any

import pytest

dg: Any = pytest.importorskip("dagster", reason="`make test-schedulers` runs it, as it is large")
pytestmark = pytest.mark.slow("runs Dagster")

ACCOUNT = "source_id,name\na1,Acme\n"
BAD_ROW = f"{ACCOUNT},Nameless\n"


def write_workspace(folder: Path, accounts: str | None) -> None:
    """A workspace on a folder of files; None leaves the folder away."""
    text = '[workspace]\nname = "acme"\n[connectors.files]\npath = "data"\n'
    (folder / "cs_sync.toml").write_text(text)
    if accounts is not None:
        (folder / "data").mkdir()
        (folder / "data" / "accounts.csv").write_text(accounts)


def materialize(folder: Path, *, raise_on_error: bool = False) -> Any:
    """Load the component as its YAML describes it, and materialize its asset."""
    from cs_sync_dagster import CsSyncComponent

    attributes = f"config: {folder / 'cs_sync.toml'}\nallow_large_changes: true"
    component = CsSyncComponent.resolve_from_yaml(attributes)
    defs = component.build_defs(dg.ComponentTree.for_test().load_context)
    return dg.materialize(list(defs.assets), raise_on_error=raise_on_error)


@pytest.mark.parametrize(("accounts", "passed"), [(ACCOUNT, True), (BAD_ROW, False)])
def test_what_is_missing_is_a_warning_of_its_check(
    tmp_path: Path, accounts: str, passed: bool
) -> None:
    write_workspace(tmp_path, accounts)
    result = materialize(tmp_path)
    assert result.success
    [check] = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("complete", passed)
    assert check.severity == dg.AssetCheckSeverity.WARN
    status = check.metadata["status"].value
    assert status == ("ok" if passed else "partial")
    assert ("1 record was rejected" in check.metadata["problems"].value) is not passed


def test_a_failed_run_fails_and_a_wrong_configuration_is_not_tried_again(tmp_path: Path) -> None:
    write_workspace(tmp_path, None)
    result = materialize(tmp_path)
    assert not result.success
    [failure] = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert "data" in failure.user_failure_data.description
    (tmp_path / "cs_sync.toml").write_text("[workspac]")
    with pytest.raises(dg.Failure, match="workspac") as raised:
        materialize(tmp_path, raise_on_error=True)
    assert raised.value.allow_retries is False
