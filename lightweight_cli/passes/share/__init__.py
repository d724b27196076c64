"""share: each tensor's weights take a few shared values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=True, unit="weights shared", selects=True, encodes=True, calibrates=lambda options: uses_data(options))
def share(
    context: Context,
    *,
    bits: Annotated[int, Option("Bits of a code: 2 to the power of bits values in each codebook.", min=1, max=8)] = 4,
    granularity: Annotated[str | None, Option(
        "What shares a scale of its values; block when not given. Not for vectors.", choices=("block", "channel", "tensor"))] = None,
    block_size: Annotated[int | None, Option("Weights in a block, along the input axis; as quantize has it.", min=8, max=4096)] = None,
    vector: Annotated[int, Option("Weights that one code stands for: product quantization.", min=1, max=64)] = 1,
    stages: Annotated[int, Option("Codes of each vector: each corrects what those before it left.", min=1, max=8)] = 1,
) -> int:
    """Let the weights of a tensor share a few values.

    Every weight becomes one of at most 2^bits values, which k-means chooses for each tensor, times the scale of its block: what
    quantize --grid codebook does, with the same second-order rounding below 8 bits, on calibration data where there are some,
    and 8 bits for the smallest weights. Zeros stay zero, and take one bit or less where they are many. With vectors, neighbouring
    weights of a channel share a code, bits * stages / vector bits for each weight, and zeros are not kept. The weights are
    decoded once, when a runtime loads the model: it runs at float speed. Weights of Conv, ConvTranspose, DeformConv, Gemm,
    MatMul, Einsum, Gather, LSTM, GRU, RNN and Attention are shared, and tables added to embeddings, wherever they are stored.

    Returns: weights stored anew.
    Raises: UsageError for stages without vectors, and for scales with them.
    Source: Han et al. 2016, arXiv:1510.00149, section 3; Jegou et al. 2011, IEEE TPAMI 33(1) (vectors).
    """
    from lightweight_cli.passes.share.values import share_values

    return share_values(context, bits, granularity, block_size, vector, stages)


def uses_data(options: dict[str, Any]) -> bool:
    """Whether the options call for second-order rounding, which data serve."""
    return bool(options["vector"] == 1 and options["bits"] < 8)
