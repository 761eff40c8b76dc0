"""cs-sync in Airflow: an operator whose task is a run."""

from cs_sync_airflow.operator import CsSyncOperator

__all__ = ["CsSyncOperator"]
