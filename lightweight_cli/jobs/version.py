"""The version of lwc."""

__version__ = "0.1.0"
