"""How many weights become zero: below a limit, a share, or all but the largest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightweight_cli.errors import UsageError
from lightweight_cli.numerics import magnitude
from lightweight_cli.passes.prune.pattern import Pattern

SHARES = ("tensor", "global", "lamp", "sensitivity")


class Goal(NamedTuple):
    """One of these is given, or a pattern that says the share itself."""

    threshold: float | None = None
    relative: float | None = None
    sparsity: float | None = None
    keep_top: int | None = None
    l1: float | None = None

    def checked(self, pattern: Pattern, scope: str) -> Goal:
        """Return the goal with the pattern's share, where that says one. Raises: UsageError unless it is one."""
        given = [name for name, value in self._asdict().items() if value is not None]
        flags = [f"--{name.replace('_', '-')}" for name in given]
        if pattern.sparsity is not None:
            if given:
                raise UsageError(f"prune: {flags[0]} with --pattern {pattern.n}:{pattern.m}, which says how many stay: give one of them")
            self, given = self._replace(sparsity=pattern.sparsity), ["sparsity"]
        if len(given) != 1:
            raise UsageError("prune: give exactly one of --threshold, --relative, --sparsity, --keep-top, --l1 and --pattern N:M"
                             + (f", not {' and '.join(flags)}" if flags else ""))
        if scope != "tensor" and (given != ["sparsity"] or pattern.sparsity is not None):
            raise UsageError(f"prune: --scope {scope} shares out --sparsity among the tensors, and "
                             f"{flags[0] if flags else f'--pattern {pattern.n}:{pattern.m}'} is not shared out")
        return self

    def count(self, values: np.ndarray) -> int:
        """Return how many weights of one tensor become zero, in its own scope. Raises: ValueError for NaN."""
        if self.sparsity is not None:
            return round(self.sparsity * values.size)
        if self.keep_top is not None:
            return max(0, values.size - self.keep_top)
        limit = self.threshold if self.threshold is not None else self.l1
        if limit is None:
            limit = (self.relative or 0) * magnitude.largest([values])
        return int(values.size - np.count_nonzero(magnitude.apply(values, limit)[0]))


def shrunk(values: np.ndarray, amount: float) -> np.ndarray:
    """Return every |w| less by `amount`, at least 0: the proximal step of an L1 penalty.

    Source: Parikh, Boyd 2014, Proximal Algorithms, section 6.5.2.
    """
    wide = values.astype(np.float64)
    return (np.sign(wide) * np.maximum(np.abs(wide) - amount, 0)).astype(values.dtype)
