"""Single values are a grid of quantize, vectors have codebooks of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.errors import UsageError
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.weights import quantize_weights
from lightweight_cli.passes.share.vectors import share_vectors

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


def share_values(
    context: Context, bits: int, granularity: str | None = None, block_size: int | None = None, vector: int = 1, stages: int = 1
) -> int:
    """Share the values, or the vectors, of every weight that gets smaller by it.

    Returns: weights stored anew.
    Raises: UsageError for residual stages of single values, and for scales of vectors.
    """
    if vector > 1:
        if granularity is not None or block_size is not None:
            raise UsageError(f"share: --vector {vector} has no scales: leave out --granularity and --block-size")
        return share_vectors(context, bits, vector, stages)
    if stages > 1:
        raise UsageError(f"share: --stages {stages} needs --vector of 2 or more")
    return quantize_weights(context, Form(bits, granularity or "block", block_size, grid="codebook"), "auto", None)
