"""An open workspace, a recorded run, and its result."""
