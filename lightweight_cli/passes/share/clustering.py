"""k-means over the weights of a tensor, or of a group of its channels: the values they share, and their codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings import choose, recognise
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.gathered import gathered
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.errors import UsageError
from lightweight_cli.numerics import kmeans, sketch
from lightweight_cli.passes.share.pieces import Piece, along, forms, joined
from lightweight_cli.passes.share.vectors import vector_shared
from lightweight_cli.rewrite import Plan, Rewriter
from lightweight_cli.weights import Weight

if TYPE_CHECKING:
    from lightweight_cli.encodings.builder import Emission
    from lightweight_cli.model_io import Model


def share_values(model: Model, bits: int, channels_per_codebook: int | None, vector: int = 1, stages: int = 1) -> int:
    """Share the values, or the vectors, of every weight that gets smaller by it.

    Returns: weights stored anew.
    Raises: UsageError for residual stages of single values.
    """
    if stages > 1 and vector == 1:
        raise UsageError(f"share: --stages {stages} needs --vector of 2 or more")
    rewriter = Rewriter(model)

    def plan(weight: Weight) -> Plan:
        reason = unfit(weight, 1 << bits)
        if reason:
            return Plan(weight, reason=reason)
        pieces = along(weight, channels_per_codebook)
        try:
            found: list[Coded | Vectors] = [
                shared(model, piece, 1 << bits) if vector == 1 else vector_shared(model, piece, 1 << bits, vector, stages)
                for piece in pieces]
        except ValueError as e:
            return Plan(weight, reason=str(e))

        def new(label: str) -> Emission:
            return rewriter.emission(weight, label)

        if len(found) == 1:
            return Plan(weight, forms(new, found[0], weight.name))
        return Plan(weight, [joined(new, found, pieces[0].axis, weight.name)])

    return rewriter.run(plan)


def unfit(weight: Weight, levels: int) -> str:
    """Return why a weight can't share values, or nothing."""
    if weight.size == 0:
        return "is empty"
    if weight.scope.opset < 7:
        return f"opset {weight.scope.opset}: decoding nodes need 7"
    if not choose.foldable(weight.size):
        return "is over the 1 GiB that onnxruntime decodes at load"
    if weight.encoded:
        stored = recognise.coded(weight)
        if stored is not None and stored.count <= levels:
            return f"is stored with {stored.count} values already"
    return ""


def shared(model: Model, piece: Piece, levels: int) -> Coded:
    """Return a piece of a weight with at most `levels` values. Raises: ValueError if a weight is not finite."""
    present = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal present
        for part in piece.chunks():
            present += part.size - int(np.count_nonzero(part))
            yield part

    points = sketch.sketch(counted())
    codebook = kmeans.codebook(points, levels, zero=present > 0)
    position = int(np.searchsorted(codebook, 0))
    zero = position if position < codebook.size and codebook[position] == 0 else None
    zeros = 0

    def assigned() -> Iterator[np.ndarray]:
        nonlocal zeros
        for part in piece.chunks():
            codes = kmeans.assign(part, codebook)
            if zero is not None:
                zeros += int(np.count_nonzero(codes == zero))
            yield codes

    codes = gathered(model, piece.size, assigned())
    return Coded(piece.shape, piece.weight.dtype, (1, piece.size, 1), codes, 0, codebook.size, zeros, zero,
                 codebook=codebook)
