"""`python -m cs_sync`: the command line."""

import sys

from cs_sync.cli import main

sys.exit(main())
