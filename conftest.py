"""What holds for every test: how wide the terminal is must not decide what they see."""

import os

os.environ.pop("COLUMNS", None)
