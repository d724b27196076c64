"""A second moment that needs no data: what inputs of a Conv look like on the whole.

    H0 = blockdiag over input channels of R + mu^2 11',   R_ij = rho^(L1 distance of kernel taps i, j)

The mean term makes the errors of a kernel, and of an output, sum to about 0; it holds for inputs that are mostly not
negative. For MatMul after normalization mu = 0, and H0 = I is rounding to nearest.

    H = (1 - b) S + b k H0,   k = tr S / tr H0,   b = min(.9, .5 max(1, 4 d / n))

Where the layers before are compressed, the target moves; under the prior the weight is what it was:

    C = (1 - b) C + b k W H0

Source: the idea of sums, Guo et al. 2022, arXiv:2202.07471 (SQuant); mixing as in Ledoit, Wolf 2004.
"""

from __future__ import annotations

import numpy as np

from .damping import few_rows
from .moments import Moments

# 4 bits, five image models: .7 and .9 are equal, mu 2 is worse than .5 to 1.
RHO = 0.7
MU = 0.5
SHARE = 0.5  # of synthetic inputs: .2 is equal where they suit the model, .5 forgives wrong ones
MOST_SHARE = 0.9


def structural(channels: int, kernel: tuple[int, ...], rho: float = RHO, mu: float = MU) -> np.ndarray:
    """H0 of a Conv with so many input channels a group; kernel () is a MatMul's.

    Returns: [d, d] float64 with d = channels * taps, columns as in a Conv weight [out, channels, *kernel].
    """
    taps = np.array(list(np.ndindex(*kernel)))  # [taps, axes]
    distance = np.abs(taps[:, None] - taps[None]).sum(axis=2)
    return np.kron(np.eye(channels), rho**distance) + mu**2


def share(d: int, n: int | None) -> float:
    """b: how much of a mix is the prior, for n rows of d inputs."""
    return min(MOST_SHARE, SHARE * few_rows(d, n))


def scaled(prior: np.ndarray, S: np.ndarray) -> np.ndarray:
    """The prior [d, d] with the trace of each S [G, d, d].

    Returns: [G, d, d] float64.
    """
    ratio = np.einsum("gii->g", S, dtype=np.float64) / np.trace(prior)
    return ratio[:, None, None] * prior


def mixed(S: np.ndarray, prior: np.ndarray, b: float) -> np.ndarray:
    """(1 - b) S + b (tr S / tr H0) H0 of a second moment [G, d, d], not centred; b from `share`.

    Returns: [G, d, d] float64.
    Raises: ValueError if b is not in [0, 1].
    """
    if not 0 <= b <= 1:
        raise ValueError(f"share of the prior {b}: must be from 0 to 1")
    return (1 - b) * S + b * scaled(prior, S)


def beside(weight: np.ndarray, moments: Moments, prior: np.ndarray, b: float) -> Moments:
    """Moments with targets, of a weight [G, out, d], mixed with a prior [G, d, d] under which its outputs are what they were.

    Returns: moments without means.
    Raises: ValueError if b is not in [0, 1].
    """
    if not 0 <= b <= 1:
        raise ValueError(f"share of the prior {b}: must be from 0 to 1")
    H = np.concatenate([scaled(one, S[None]) for one, S in zip(prior, moments.S, strict=True)])
    C = None if moments.C is None else (1 - b) * moments.C + b * (weight.astype(np.float64) @ H)
    return Moments((1 - b) * moments.S + b * H, moments.n, C)
