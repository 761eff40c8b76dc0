"""The test cases, by subject."""
