"""Sizes in bytes, for people."""

from __future__ import annotations

UNITS = ("KB", "MB", "GB", "TB", "PB", "EB")


def human(size: int) -> str:
    """Return a size in decimal units: "999 B", "1.2 MB"."""
    if abs(size) < 1000:
        return f"{size} B"
    value = size / 1000
    for unit in UNITS:
        if abs(round(value, 1)) < 1000 or unit == UNITS[-1]:
            break
        value /= 1000
    return f"{value:.1f} {unit}"
