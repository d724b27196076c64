"""k-means over the weights of a tensor, or of a group of its channels: the values they share, and their codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings import choose, recognise
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.gathered import gathered
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.errors import UsageError, printable
from lightweight_cli.numerics import fp, kmeans, sketch
from lightweight_cli.passes.share.pieces import Piece, along, forms, joined
from lightweight_cli.passes.share.vectors import vector_shared
from lightweight_cli.weights.groups import Groups, channels_of, tiles
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.weight import CHUNK, Weight

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.emission import Emission


MOST_CODEBOOKS = 64
"""Codebooks of one weight, each with half a dozen nodes: a codebook a channel made 13,000 to 34,000 nodes, a larger file, and a load
that runs into the time limit."""
LEAST_SCALED = 64
"""Weights in a channel from which a scale of two bytes is cheap: a quarter of a bit for each."""


def share_values(
    context: Context, bits: int, channels_per_codebook: int | None = None, channel_scales: bool = False, vector: int = 1,
    stages: int = 1,
) -> int:
    """Share the values, or the vectors, of every weight that gets smaller by it.

    Returns: weights stored anew.
    Raises: UsageError for residual stages of single values.
    """
    if stages > 1 and vector == 1:
        raise UsageError(f"share: --stages {stages} needs --vector of 2 or more")
    model, rewriter, limits = context.model, context.rewriter(), context.limits
    refuse_many([w for w in rewriter.weights if w.size and not w.locked], channels_per_codebook)

    def plan(weight: Weight) -> Plan:
        reason = unfit(weight, 1 << bits)
        if reason:
            return Plan(weight, reason=reason)
        pieces = along(weight, channels_per_codebook)
        try:
            found: list[Coded | Vectors] = [
                shared(model, piece, 1 << bits, channel_scales) if vector == 1 else vector_shared(model, piece, 1 << bits, vector, stages)
                for piece in pieces]
        except ValueError as e:
            return Plan(weight, reason=str(e))

        def new(label: str) -> Emission:
            return rewriter.emission(weight, label)

        if len(found) == 1:
            return Plan(weight, forms(new, found[0], weight.name, limits))
        return Plan(weight, [joined(new, found, pieces[0].axis, weight.name, limits)])

    return rewriter.run(plan)


def refuse_many(weights: list[Weight], channels: int | None) -> None:
    """Refuse to cut a weight into more pieces than a runtime loads quickly, before any work. Raises: UsageError."""
    for weight in weights if channels else ():
        total = weight.shape[weight.axes[-1] if weight.axes else 0] if weight.shape else 1
        if total > MOST_CODEBOOKS * (channels or total):
            least = -(-total // MOST_CODEBOOKS)
            raise UsageError(f"share: --channels-per-codebook {channels} makes {-(-total // (channels or total)):,} codebooks of "
                             f"{printable(weight.name)}: at most {MOST_CODEBOOKS}, which {least:,} or more channels give")


def unfit(weight: Weight, levels: int) -> str:
    """Return why a weight can't share values, or nothing."""
    reason = choose.unfit(weight.size, weight.numpy.itemsize, weight.scope.opset)
    if not reason and weight.encoded:
        stored = recognise.coded(weight)
        if stored is not None and stored.count <= levels:
            return f"is stored with {stored.count} values already"
    return reason


def shared(model: Model, piece: Piece, levels: int, scaled: bool) -> Coded:
    """Return a piece of a weight with at most `levels` values, times a scale for each channel if `scaled`.

    Raises: ValueError if a weight is not finite.
    """
    groups = channels_of(piece.shape, piece.weight.axes)
    if not scaled or groups[1] < LEAST_SCALED:
        groups = (1, piece.size, 1)
    scale = scales(piece, groups) if groups[0] * groups[2] > 1 else None
    present = 0

    def relative() -> Iterator[np.ndarray]:
        """Yield the weights in flat order, divided by their scales, in tiles [a, r, p]."""
        for rows, tile in tiles(piece.chunks(), groups, CHUNK):
            yield tile if scale is None else tile / scale[rows]

    def counted() -> Iterator[np.ndarray]:
        nonlocal present
        for part in relative():
            present += part.size - int(np.count_nonzero(part))
            yield part

    squares = None if scale is None else (scale[rows].astype(np.float64) ** 2 for rows, _ in tiles(piece.chunks(), groups, CHUNK))
    points = sketch.sketch(counted(), squares)
    codebook = kmeans.codebook(points, levels, zero=present > 0)
    position = int(np.searchsorted(codebook, 0))
    zero = position if position < codebook.size and codebook[position] == 0 else None
    zeros = 0

    def assigned() -> Iterator[np.ndarray]:
        nonlocal zeros
        for part in relative():
            codes = kmeans.assign(part, codebook)
            if zero is not None:
                zeros += int(np.count_nonzero(codes == zero))
            yield codes

    codes = gathered(model, piece.size, assigned())
    return Coded(piece.shape, piece.weight.dtype, groups, codes, 0, codebook.size, zeros, zero, scale, codebook=codebook)


def scales(piece: Piece, groups: Groups) -> np.ndarray:
    """Return the largest magnitude of each group, 1 for groups of zeros: float16 where its range suffices.

    Raises: ValueError if a weight is not finite in float32.
    """
    largest = np.zeros((groups[0], 1, groups[2]), np.float32)
    with np.errstate(over="ignore"):  # looked at just below
        for rows, tile in tiles(piece.chunks(), groups, CHUNK):
            np.maximum(largest[rows], np.abs(tile).max(axis=1, keepdims=True), out=largest[rows])
    if not np.isfinite(largest).all():
        raise ValueError("weights are not finite in float32")
    largest[largest == 0] = 1
    half = fp.to_half(largest)
    fits = np.all((half >= np.finfo(np.float16).smallest_normal) & (largest <= np.finfo(np.float16).max))
    return half if fits else largest
