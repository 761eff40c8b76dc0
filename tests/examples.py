"""How many examples the properties draw that take long for each."""

from hypothesis import settings

FEW = settings(max_examples=max(5, settings().max_examples // 5))
"""A fifth of what the profile says: `make test-slow` draws more of these, too."""
