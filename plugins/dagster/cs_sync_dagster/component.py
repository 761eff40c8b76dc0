"""A component for Dagster: one asset, materialized by a run of a workspace."""

import dagster as dg

import cs_sync


class CsSyncComponent(dg.Component, dg.Model, dg.Resolvable):  # type: ignore[misc]
    """Runs the workspace of a configuration; `config` is relative to the component's folder."""

    config: str = "cs_sync.toml"
    asset_key: str = "cs_sync"
    dry_run: bool = False
    allow_large_changes: bool = False

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the asset, and the check that nothing is missing in it."""
        path = context.path / self.config
        options = {"dry_run": self.dry_run, "yes": self.allow_large_changes}
        check = dg.AssetCheckSpec("complete", asset=self.asset_key)

        @dg.asset(key=self.asset_key, check_specs=[check], kinds={"python"})  # type: ignore[untyped-decorator]
        def run_workspace() -> dg.MaterializeResult:
            try:
                with cs_sync.open(path) as workspace:
                    summary = workspace.run(**options).summary
            except cs_sync.CsSyncError as error:
                may_retry = not isinstance(error, cs_sync.ConfigError)
                raise dg.Failure(str(error), allow_retries=may_retry) from None
            metadata = {"run": summary.run, "status": summary.status, "problems": summary.problems}
            if summary.status == "failed":
                raise dg.Failure(summary.problems, metadata=metadata)
            complete = dg.AssetCheckResult(
                passed=summary.status == "ok",
                severity=dg.AssetCheckSeverity.WARN,
                metadata=metadata,
            )
            return dg.MaterializeResult(metadata=metadata, check_results=[complete])

        return dg.Definitions(assets=[run_workspace])
