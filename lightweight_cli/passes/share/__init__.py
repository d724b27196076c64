"""share: each tensor's weights take a few shared values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from lightweight_cli.registry import Option, register

if TYPE_CHECKING:
    from lightweight_cli.model_io import Model


@register(lossy=True, unit="weights shared")
def share(
    model: Model,
    *,
    bits: Annotated[int, Option("Bits of a weight: 2 to the power of bits values in each codebook.", min=1, max=8)] = 4,
    channels_per_codebook: Annotated[int | None, Option("Neighbouring channels that share a codebook; all of them when not given.", min=1)] = None,
) -> int:
    """Let the weights of a tensor share a few values.

    Every weight becomes the nearest of at most 2^bits values, which k-means chooses for each tensor, or for each group of
    neighbouring output channels: the squared error is least for that many values. Where a tensor has zeros, zero is one
    of the values, so zeros stay zero and are stored as a bitmask where they are many. The weights are decoded
    once, when a runtime loads the model: it runs at float speed. Weights of Conv, ConvTranspose, Gemm, MatMul, Gather,
    LSTM, GRU, RNN and Attention are shared, wherever they are stored.

    Returns: weights stored anew.
    Source: Han et al. 2016, arXiv:1510.00149, section 3.
    """
    from lightweight_cli.passes.share.clustering import share_values

    return share_values(model, bits, channels_per_codebook)
