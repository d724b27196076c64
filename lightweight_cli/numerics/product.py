"""Product quantization: weights in vectors of D, each stored as the number of its nearest shared vector.

With residual stages, stage s quantizes what the stages before it left over; a vector is the sum of its centroids.

    weight, flat -> vectors [n, D] -> codes [stages, n] uint8 and codebooks [stages, k, D] float32

Trained on a bounded sample by k-means (k-means++ seeds, then Lloyd), then encoded tile by tile. The random choices are
seeded: the same weights always give the same codebooks. Distances are of vectors times a power of two that brings the largest
weight to 1, so that no square overflows, and those that vanish are of weights that do not count beside it.

Source: Jegou, Douze, Schmid 2011, IEEE TPAMI 33(1), section II; Stock et al. 2020, arXiv:1907.05686 (weights);
Chen, Guan, Wang 2010, Sensors 10 (residual stages); Arthur, Vassilvitskii 2007 (k-means++).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

SAMPLE_VECTORS = 1 << 16  # four times as many cost 3 times the time and lower the error by 1 % (256 x 4 and x 8)
SEED_VECTORS = 1 << 13  # k-means++ reads its sample once per centroid
MOST_ROUNDS = 30
LEAST_GAIN = 1e-3  # of a round, as a share of the error; 1e-5 lowers it by 0.3 %
# Multiplications in one matrix product. OpenBLAS starts its own threads above 2^18, which on a busy machine wait for
# each other: 34 million distances a second instead of 7 thousand million.
PRODUCT = 1 << 18


def vectors(flat: np.ndarray, width: int) -> np.ndarray:
    """Flat weights as vectors, the last padded with zeros.

    Returns: [ceil(size / width), width] float32.
    """
    padded = np.zeros(-(-flat.size // width) * width, np.float32)
    padded[: flat.size] = flat
    return padded.reshape(-1, width)


def train(chunks: Iterable[np.ndarray], count: int, levels: int = 256, stages: int = 1) -> np.ndarray:
    """Codebooks for `count` vectors that come in chunks [n, D] float32; read once.

    Values must be finite.

    Returns: [stages, k, D] float32, k = min(levels, sampled vectors).
    Raises: ValueError if there are no vectors, or one is not finite.
    """
    left = _sample(chunks, max(1, -(-count // SAMPLE_VECTORS)))
    if not left.size:
        raise ValueError("no vectors")
    if not np.isfinite(left).all():
        raise ValueError("weights are not finite")
    power = exponent(left)
    left = np.ldexp(left, -power)
    codebooks = []
    for stage in range(stages):
        centroids = lloyd(left, seed(left, min(levels, len(left)), np.random.default_rng(stage)))
        codebooks.append(centroids)
        left = left - centroids[nearest(left, centroids)]
    return np.ldexp(np.stack(codebooks), power)


def exponent(values: np.ndarray) -> int:
    """The power of two just above all finite |values|."""
    return int(np.frexp(np.abs(values).max(initial=0))[1])


def _sample(chunks: Iterable[np.ndarray], step: int) -> np.ndarray:
    """Every step-th vector, counted over all chunks."""
    parts, skip = [np.empty((0, 0), np.float32)], 0
    for chunk in chunks:
        with np.errstate(over="ignore"):  # the caller refuses infinities
            parts.append(chunk[skip::step].astype(np.float32))
        skip = (skip - len(chunk)) % step
    return np.concatenate([part for part in parts if part.size] or parts[:1])


def seed(points: np.ndarray, levels: int, random: np.random.Generator) -> np.ndarray:
    """k-means++: each next centroid is a point, drawn by its squared distance to those chosen.

    Returns: [levels, D] float32.
    """
    few = points[:: max(1, len(points) // SEED_VECTORS)]
    few = few if len(few) >= levels else points
    chosen = few[[random.integers(len(few))]]
    distance = np.full(len(few), np.inf)
    for _ in range(levels - 1):
        distance = np.minimum(distance, ((few - chosen[-1]) ** 2).sum(1, dtype=np.float64))
        mass = np.cumsum(distance)
        drawn = min(int(np.searchsorted(mass, random.random() * mass[-1], side="right")), len(few) - 1)
        chosen = np.concatenate([chosen, few[[drawn]]])
    return chosen


def lloyd(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Move centroids [k, D] to the means of their points [n, D] until the error settles.

    A centroid without points is put on the point farthest from its own.

    Returns: [k, D] float32.
    """
    levels, before = len(centroids), np.inf
    for _ in range(MOST_ROUNDS):
        codes = nearest(points, centroids)
        left = points - centroids[codes]
        distance = np.einsum("nd,nd->n", left, left)
        error = float(distance.sum(dtype=np.float64))
        if before - error <= LEAST_GAIN * error:
            break
        before = error
        mass = np.bincount(codes, minlength=levels)
        sums = np.stack([np.bincount(codes, column, levels) for column in points.T], axis=1)
        centroids = (sums / np.maximum(mass, 1)[:, None]).astype(np.float32)
        empty = np.flatnonzero(mass == 0)
        if empty.size:
            centroids[empty] = points[np.argsort(-distance, kind="stable")[: empty.size]]
    return centroids


def nearest(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Nearest centroid [k <= 256, D] of each point [n, D]: argmin over c of |c|^2 / 2 - x c.

    Returns: codes [n] uint8.
    """
    codes = np.empty(len(points), np.uint8)
    half_squares = (centroids**2).sum(1) / 2
    transposed = np.ascontiguousarray(centroids.T)
    for block in _blocks(len(points), centroids.size):
        scores = points[block] @ transposed  # [block, k]
        codes[block] = np.subtract(half_squares, scores, out=scores).argmin(1)
    return codes


def _blocks(count: int, size: int) -> Iterator[slice]:
    """Ranges of points to multiply with centroids of k D numbers; their distances stay in cache."""
    step = max(1, PRODUCT // size)
    return (slice(start, min(count, start + step)) for start in range(0, count, step))


def encode(points: np.ndarray, codebooks: np.ndarray) -> np.ndarray:
    """Codes of vectors [n, D], stage after stage.

    Returns: [stages, n] uint8.
    Raises: ValueError if a vector is not finite.
    """
    if not np.isfinite(points).all():
        raise ValueError("weights are not finite")
    power = max(exponent(points), exponent(codebooks))
    points, codebooks = np.ldexp(points, -power), np.ldexp(codebooks, -power)
    codes = np.empty((len(codebooks), len(points)), np.uint8)
    for stage, centroids in enumerate(codebooks):
        codes[stage] = nearest(points, centroids)
        if stage + 1 < len(codebooks):
            points = points - centroids[codes[stage]]
    return codes


def decode(codes: np.ndarray, codebooks: np.ndarray) -> np.ndarray:
    """Vectors of codes [stages, n]: stages added in float32 in order, as a decoding graph does.

    Returns: [n, D] float32.
    """
    result = codebooks[0][codes[0]]
    for stage in range(1, len(codebooks)):
        result += codebooks[stage][codes[stage]]
    return result
