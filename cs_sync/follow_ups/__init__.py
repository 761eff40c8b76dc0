"""What should be done next, for which account, and why: pure."""
