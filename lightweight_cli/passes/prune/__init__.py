"""prune: the smallest weights become zero, and zeros take one bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=True, unit="weights set to zero", selects=True, encodes=True)
def prune(
    context: Context,
    *,
    threshold: Annotated[float | None, Option("Zero every |w| below this.", min=0, open_min=True)] = None,
    relative: Annotated[
        float | None, Option("Zero every |w| below this times the tensor's largest |w|.", min=0, max=1, open_min=True)] = None,
    sparsity: Annotated[
        float | None, Option("Zero this share of the weights, the smallest first.", min=0, max=1, open_min=True)] = None,
    scope: Annotated[
        str, Option("Whether the share is taken of each tensor, or of all together.", choices=("tensor", "global"))] = "tensor",
) -> int:
    """Set the smallest-magnitude weights to zero.

    One of threshold, relative and sparsity is given. Sparsity zeroes exactly the asked share, rounded to whole weights,
    zeros that are there included; among equal magnitudes the first in the tensor go. Weights of Conv, ConvTranspose,
    DeformConv, Gemm, MatMul, Einsum, Gather, LSTM, GRU, RNN and Attention are pruned, and tables added to embeddings,
    wherever they are stored; biases and normalisation are not. A tensor with enough zeros is stored as a bitmask and its non-zero values.

    Returns: weights newly set to zero.
    Raises: UsageError unless one of the three is given.
    Source: Han et al. 2015, arXiv:1506.02626, section 3.
    """
    from lightweight_cli.passes.prune.magnitude import prune_magnitude

    return prune_magnitude(context, threshold, relative, sparsity, scope)
