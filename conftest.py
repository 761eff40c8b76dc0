"""What holds for every test: neither the terminal, nor chance, nor a busy machine decides."""

import os

from hypothesis import HealthCheck, settings

os.environ.pop("COLUMNS", None)

settings.register_profile(
    "same everywhere",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same everywhere")
