"""MRR of a fake vendor's book, as the host computes it: for connectors of billing systems."""

import json

from cs_sync.testing.syncing import SyncHarness

_CONFIG = """[workspace]
name = "book"
[database]
url = "sqlite:///{path}"
[connectors.{name}]
{settings}
"""


def compute_mrr(bench: SyncHarness, *, since: str, until: str) -> dict[str, int]:
    """Sync the fake vendor, and compute the MRR of its accounts.

    Args:
        bench: The harness; it is closed afterwards.
        since: The first day.
        until: The day after the last.

    Returns:
        The id of an account at the vendor → MRR at the end, in minor units; without zeros.
    """
    from cs_sync.api.workspace import open as open_workspace
    from cs_sync.jobs.derive import derive_accounts_and_mrr
    from cs_sync.runtime.run_session import record_run

    run = bench.sync()
    if run.status != "ok":
        raise AssertionError(run.problems())
    bench.close()
    config = bench.folder / "cs_sync.toml"
    settings = [f"{key} = {json.dumps(value)}" for key, value in bench.vendor.settings().items()]
    written = _CONFIG.format(path=bench.path, name=bench.name, settings="\n".join(settings))
    config.write_text(written, encoding="utf-8")
    config.chmod(0o600)
    with open_workspace(config) as opened:
        with record_run(opened._opened, "metrics") as recorded:
            derive_accounts_and_mrr(recorded)
        rows = opened.mrr(since=since, until=until, by=["account"])
    return {str(row.account).split(":")[-1]: row.closing for row in rows if row.closing}
