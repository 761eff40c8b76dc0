"""The process that a worker's runs are forked from: imported there, and nowhere else."""

import gc
import os
import signal
from contextlib import suppress

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to handle, also in imports

from cs_sync.contracts.errors import CsSyncError  # noqa: E402
from cs_sync.workers.practice import run_practice  # noqa: E402
from cs_sync.workers.preload import PLUGINS  # noqa: E402
from cs_sync.workers.run_pool import DATABASE_VARIABLE  # noqa: E402

with suppress(CsSyncError):  # what is wrong with the database, the worker and the runs say
    run_practice(os.environ[DATABASE_VARIABLE], PLUGINS)
gc.collect()
gc.freeze()  # what all runs share is neither searched nor copied in each of them
