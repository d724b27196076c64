"""What each of several parts answers for of what they have together."""

from __future__ import annotations

from collections.abc import Sequence


def shares(whole: int, sizes: Sequence[int]) -> list[int]:
    """Return whole numbers that go by sizes, of which the sum is `whole`; 0 each where all sizes are 0."""
    total, found, start = max(1, sum(sizes)), [], 0
    for size in sizes:
        found.append(whole * (start + size) // total - whole * start // total)
        start += size
    return found
