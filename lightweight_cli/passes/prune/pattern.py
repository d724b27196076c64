"""Where zeros may stand: anywhere, N of every M inputs, or in blocks of outputs and inputs."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from lightweight_cli.errors import UsageError, printable
from lightweight_cli.numerics import zeros

MOST = 256
"""Weights in a group or along a side of a block."""
ROUNDS = 20
"""With obs: numerics.sparsify has what they gain; of 20 against 10, fashion-resnet at 80 % has 18.80 dB against 18.75, of 40 18.92."""


class Pattern(NamedTuple):
    """`kind`: "" for anywhere, ":" for n of m that stay, "x" for blocks of n outputs and m inputs."""

    kind: str = ""
    n: int = 0
    m: int = 0

    @property
    def sparsity(self) -> float | None:
        """The share of zeros that the pattern itself says; None: it says none."""
        return 1 - self.n / self.m if self.kind == ":" else None

    def choose(self, scores: np.ndarray, count: int, part: float = 1.0) -> np.ndarray:
        """Return the mask [G, out, any] of `part` of `count` weights, those that matter least; in N:M, of `part` of what goes of each M."""
        if self.kind == ":":
            return zeros.n_of_m(scores, self.m - round(part * (self.m - self.n)), self.m)
        wanted = round(part * count)
        return zeros.blocks(scores, self.n, self.m, wanted) if self.kind else zeros.least(scores, wanted)

    def rounds(self, asked: int | None, criterion: str) -> int:
        """Return in how many rounds zeros are reached: with data, obs gains by many, and in N:M by one for each weight of M that goes."""
        if self.kind == ":":
            return self.m - self.n if criterion == "obs" else 1
        return asked if asked is not None else ROUNDS if criterion == "obs" else 1


ANYWHERE = Pattern()


def read(text: str, where: str) -> Pattern:
    """Return what "2:4" or "4x1" says. Raises: UsageError."""
    found = re.fullmatch(r"([0-9]{1,3})([:x])([0-9]{1,3})", text.strip())
    n, m = (int(found[1]), int(found[3])) if found else (0, 0)
    if found is None or not (0 < n <= MOST and 0 < m <= MOST) or (found[2] == ":" and n >= m):
        raise UsageError(f"{where} {printable(text)}: must be N:M, N of every M inputs stay (2:4), or OUTxIN, blocks of outputs and inputs "
                         f"(4x1), up to {MOST}")
    return Pattern(found[2], n, m)
