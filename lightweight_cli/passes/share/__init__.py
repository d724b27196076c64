"""share: each tensor's weights take a few shared values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=True, unit="weights shared", selects=True, encodes=True)
def share(
    context: Context,
    *,
    bits: Annotated[int, Option("Bits of a code: 2 to the power of bits values in each codebook.", min=1, max=8)] = 4,
    channels_per_codebook: Annotated[
        int | None, Option("Neighbouring channels that share a codebook; all of them when not given.", min=1)] = None,
    channel_scales: Annotated[bool, Option("Give each channel a scale: its values are shared relative to its largest.")] = False,
    vector: Annotated[int, Option("Weights that one code stands for: product quantization.", min=1, max=64)] = 1,
    stages: Annotated[int, Option("Codes of each vector: each corrects what those before it left.", min=1, max=8)] = 1,
) -> int:
    """Let the weights of a tensor share a few values.

    Every weight becomes the nearest of at most 2^bits values, which k-means chooses for each tensor, or for each
    group of neighbouring output channels, so that the squared error is small. Where a tensor has zeros, zero is one of
    the values: zeros stay zero, and take one bit or less where they are many. With vectors, neighbouring weights
    of a channel share a code, bits * stages / vector bits for each weight, and zeros are not kept. The weights are
    decoded once, when a runtime loads the model: it runs at float speed. Weights of Conv, ConvTranspose, DeformConv, Gemm,
    MatMul, Einsum, Gather, LSTM, GRU, RNN and Attention are shared, and tables added to embeddings, wherever they are stored.

    Returns: weights stored anew.
    Raises: UsageError for stages without vectors.
    Source: Han et al. 2016, arXiv:1510.00149, section 3; Jegou et al. 2011, IEEE TPAMI 33(1) (vectors).
    """
    from lightweight_cli.passes.share.clustering import share_values

    return share_values(context, bits, channels_per_codebook, channel_scales, vector, stages)
