"""The environment that a worker would give a run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cs_sync.workers.environment import build_environment, read_env_file, use_environment


@contextmanager
def environment_of(env_file: Path) -> Iterator[None]:
    """Have the environment of a run inside the block."""
    with use_environment(build_environment(os.environ, read_env_file(env_file))):
        yield
