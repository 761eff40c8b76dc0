"""An operator for Airflow: one task, a run of a workspace."""

from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

import cs_sync


class CsSyncOperator(BaseOperator):  # type: ignore[misc]
    """Runs the workspace of a configuration; with `soft_fail` an incomplete run is skipped."""

    template_fields = ("config",)

    def __init__(  # the options of `Workspace.run` come by name
        self, *, config: str = "cs_sync.toml", soft_fail: bool = False, **task: Any
    ) -> None:
        self.options = {
            "dry_run": task.pop("dry_run", False),
            "yes": task.pop("allow_large_changes", False),
        }
        super().__init__(**task)
        self.config, self.soft_fail = config, soft_fail

    def execute(self, context: Any) -> dict[str, str]:  # noqa: ARG002 - the contract of operators
        """Run the workspace; a wrong configuration is not tried again."""
        try:
            with cs_sync.open(self.config) as workspace:
                summary = workspace.run(**self.options).summary
        except cs_sync.ConfigError as error:
            raise AirflowFailException(str(error)) from None
        if summary.status == "failed":
            raise AirflowException(summary.problems)
        if summary.status == "partial" and self.soft_fail:
            raise AirflowSkipException(summary.problems)
        if summary.problems:
            self.log.warning("incomplete: %s", summary.problems)
        return {"run": summary.run, "status": summary.status, "problems": summary.problems}
