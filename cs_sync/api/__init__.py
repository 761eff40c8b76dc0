"""The Python interface: an open workspace, and rows that become frames."""
