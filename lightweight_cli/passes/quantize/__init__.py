"""quantize: weights as small integers with a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from lightweight_cli.compute.planned import read_plan
from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context

DEFAULT = 8
"""Bits where nothing is said."""
FEW_LEVELS = 128
"""Values up to which second-order rounding is worth its time."""


@register(lossy=True, unit="weights quantized", selects=True, encodes=True, calibrates=lambda options: uses_data(options),
          after=lambda options: ("strip", "fold") if options.get("for_") in ("speed", "memory") else ())
def quantize(
    context: Context,
    *,
    bits: Annotated[int | None, Option("Bits per weight; 8 where neither they nor levels are given.", choices=(8, 6, 5, 4, 3, 2))] = None,
    levels: Annotated[int | None, Option("Values that a weight may take, instead of bits: 3 is ternary.", min=2, max=256)] = None,
    method: Annotated[str, Option(
        "How codes are chosen; auto: nearest at 8 bits, gptq (second-order rounding) below; mse: clipped nearest.",
        choices=("auto", "nearest", "mse", "gptq"))] = "auto",
    grid: Annotated[str, Option("Evenly spaced values, or a codebook for each tensor.", choices=("uniform", "codebook"))] = "uniform",
    granularity: Annotated[str, Option("What shares a scale.", choices=("block", "channel", "tensor"))] = "block",
    block_size: Annotated[int | None, Option("Weights in a block, along the input axis; 32, at 8 bits 64 on.", min=8, max=4096)] = None,
    asymmetric: Annotated[bool, Option("Give each scale a zero point: for one-sided weights.")] = False,
    time_limit: Annotated[
        float | None, Option("Seconds for second-order rounding; what is left then is rounded to nearest.", min=0, open_min=True)] = None,
    keep: Annotated[
        float | None, Option("Leave the smallest weights that together are this share; below 8 bits they get 8; 0.002 or 0.05.",
                             min=0, max=1)] = None,
    for_: Annotated[str, Option(
        "What for; speed: layers compute in integers where that is faster here; memory: and nothing is decoded at load.",
        choices=("size", "speed", "memory"))] = "size",
    activations: Annotated[str | None, Option(
        "Which activations become integers: by what they are on each run, or by calibration data; as suits each layer.",
        choices=("none", "dynamic", "static"))] = None,
    format: Annotated[str, Option(
        "Operators for integers: qdq, floats between Quantize- and DequantizeLinear; qoperator, QLinearConv; nbits, MatMulNBits.",
        choices=("qdq", "qoperator", "nbits"))] = "qdq",
    ranges: Annotated[str | None, Option(
        "How static ranges are found; not given: by what leaves the outputs nearest.",
        choices=("minmax", "percentile", "entropy", "mse"))] = None,
    reduce_range: Annotated[bool, Option("Weights that compute have 7 bits: for x86 without VNNI, where it is the default.")] = False,
    arch: Annotated[str | None, Option(
        "Decide by a table for another machine, instead of measuring on this one.", choices=("avx2", "vnni", "arm64"))] = None,
    plan: Annotated[str | None, Option(
        "Which layers compute how: a .json file that is written, or, where it exists, followed without measuring.", metavar="FILE",
        read=read_plan, recorded=True)] = None,
) -> int:
    """Round weights to integers of 8 or fewer bits with a scale.

    w is stored as (q - zero_point) * scale. At 8 bits q is rounded to nearest: |error| <= scale / 2, scale = max|w| / 127 of the
    tensor, channel or block. Below, q is chosen so that the outputs of the layer change least (second-order rounding), for what
    the layer sees on calibration data, where there are any (--calibrate, or a share of --data), each layer after those before it.
    A fifth of the rows are kept aside: a layer is rounded to nearest where its error on them is no less by second order, and
    otherwise once more, by all rows. Biases take up what is left of the mean error.
    An even number of levels has one more value below zero than above, and the largest weight may lie half a step outside.
    A block size that does not divide the axis gives way to the nearest one that does, of multiples of four where there are any. At 8
    bits blocks are the finest for which all takes at most 1 % more than one scale and zero point for each channel would.
    The weights are decoded once, when a runtime loads the model: it runs at float speed. Zeros stay zero, and where
    there are many they are stored as a bitmask. The smallest weights stay float, or get 8 bits: they save next to nothing, and first
    layers and depthwise kernels are among the most sensitive. Weights of Conv, ConvTranspose, DeformConv, Gemm, MatMul, Einsum,
    Gather, LSTM, GRU, RNN and Attention are quantized, and tables added to embeddings, wherever they are stored.
    With --for speed or memory some layers compute in integers instead of being decoded. Each kind of layers is timed against the
    model as it is, paired, and keeps the form that is faster here; layers that cost too much go back until the outputs have
    --min-sqnr, or 20 dB, and --max-drop holds on the share of labelled --data that calibrates. With calibration data Conv computes
    in static int8, and MatMul and Gemm with --activations static; otherwise in dynamic int8, or as MatMulNBits with --format nbits;
    LSTM as DynamicQuantizeLSTM, an operator of onnxruntime. Where few channels of what MatMul reads are far larger than the others, they
    are divided by factors that its weights are multiplied by, if that brings the outputs nearer. With calibration data codes of
    Conv, MatMul and Gemm in int8 are by second order, for inputs rounded as they will be, if that brings the outputs nearer.
    Timing differs from run to run, and with it the result: --plan stores what was decided.

    Returns: weights quantized.
    Raises: UsageError for bits and levels, or a codebook with zero points.
    Source: Jacob et al. 2018, arXiv:1712.05877, section 2; Frantar et al. 2022, arXiv:2210.17323; Xiao et al. 2023, arXiv:2211.10438.
    """
    from lightweight_cli.errors import UsageError
    from lightweight_cli.passes.quantize.form import Form
    from lightweight_cli.passes.quantize.weights import quantize_weights

    if bits is not None and levels is not None:
        raise UsageError(f"quantize: --bits {bits} and --levels {levels}: give one of them")
    if asymmetric and grid == "codebook":
        raise UsageError("quantize: --asymmetric gives scales a zero point, and --grid codebook has none: give one of them")
    wide = (levels - 1).bit_length() if levels is not None else bits or DEFAULT
    form = Form(max(2, wide), granularity, block_size, not asymmetric, grid, levels)
    if for_ == "size":
        own = {"activations": activations, "format": format != "qdq", "ranges": ranges, "reduce-range": reduce_range, "arch": arch,
               "plan": plan}
        for name, given in own.items():
            if given:
                raise UsageError(f"quantize: --{name}: needs --for speed or --for memory")
        return quantize_weights(context, form, method, keep, time_limit)
    if format == "nbits" and form.bits not in (4, 8):
        raise UsageError(f"quantize: --format nbits with {form.told:g} bits: it has 8 or 4")
    from lightweight_cli.compute.menu import Asked
    from lightweight_cli.passes.quantize.computing import compute
    from lightweight_cli.passes.quantize.deciding import Computing
    from lightweight_cli.passes.quantize.remaining import remaining

    made = compute(context, Computing(for_, Asked(activations, format, form.bits), reduce_range, arch, plan, ranges, method))
    remaining(context, made, for_, lambda rest, why: quantize_weights(rest, form, method, keep, time_limit, why))
    return context.step.changed


def uses_data(options: dict[str, Any]) -> bool:
    """Whether the options call for second-order rounding, which data serve, or for candidates, which are run on them."""
    few = (options["levels"] or 1 << (options["bits"] or DEFAULT)) <= FEW_LEVELS
    return options["for_"] != "size" or options["method"] == "gptq" or (options["method"] == "auto" and few)
