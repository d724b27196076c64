"""quantize: weights as small integers with a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=True, unit="weights quantized", selects=True, encodes=True, calibrates=lambda options: uses_data(options))
def quantize(
    context: Context,
    *,
    bits: Annotated[int, Option("Bits per weight.", choices=(8, 6, 5, 4, 3, 2))] = 8,
    method: Annotated[str, Option(
        "How codes are chosen; auto: nearest at 8 bits, second-order rounding below.", choices=("auto", "nearest", "gptq"))] = "auto",
    grid: Annotated[str, Option("Evenly spaced values, or a codebook for each tensor.", choices=("uniform", "codebook"))] = "uniform",
    granularity: Annotated[str, Option("What shares a scale.", choices=("block", "channel", "tensor"))] = "block",
    block_size: Annotated[int | None, Option("Weights in a block, along the input axis; 64 at 8 bits, 32 at 4.", min=8, max=4096)] = None,
    asymmetric: Annotated[bool, Option("Give each scale a zero point: for one-sided weights.")] = False,
    keep: Annotated[
        float | None, Option("Leave the smallest weights that together are this share; 0.02 at 8 bits, 0.005 at 4.", min=0, max=1)] = None,
) -> int:
    """Round weights to integers of 8 or 4 bits with a scale.

    w is stored as (q - zero_point) * scale, q rounded to nearest: |error| <= scale / 2, scale = max|w| / 127 (or 7) of the
    tensor, channel or block. A block size that does not divide the axis gives way to the nearest one that does.
    The weights are decoded once, when a runtime loads the model: it runs at float speed. Zeros stay zero, and where
    there are many they are stored as a bitmask. The smallest weights stay float: they save next to nothing, and first
    layers and depthwise kernels are among the most sensitive. Weights of Conv, ConvTranspose, DeformConv, Gemm, MatMul, Einsum,
    Gather, LSTM, GRU, RNN and Attention are quantized, and tables added to embeddings, wherever they are stored.

    Returns: weights quantized.
    Source: Jacob et al. 2018, arXiv:1712.05877, section 2.
    """
    from lightweight_cli.passes.quantize.form import Form
    from lightweight_cli.passes.quantize.weights import quantize_weights

    return quantize_weights(context, Form(bits, granularity, block_size, not asymmetric, grid), method, keep)


def uses_data(options: dict[str, Any]) -> bool:
    """Whether the options call for second-order rounding, which data serve."""
    return options["method"] == "gptq" or (options["method"] == "auto" and options["bits"] < 8)
