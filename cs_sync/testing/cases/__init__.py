"""The cases, by what they put to the test."""
