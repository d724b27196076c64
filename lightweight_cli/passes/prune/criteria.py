"""By what weights are told to matter, and which of that needs to know what a layer sees."""

CRITERIA = ("magnitude", "share", "wanda", "obs")
SEEING = ("wanda", "obs")
"""Criteria that ask what a layer sees."""
