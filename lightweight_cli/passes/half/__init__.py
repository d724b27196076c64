"""half: floats in half the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=True, unit="tensors halved", selects=True, encodes=True, calibrates=lambda options: options["compute"])
def half(
    context: Context,
    *,
    type: Annotated[str, Option("The stored type.", choices=("float16", "bfloat16"))] = "float16",
    compute: Annotated[bool, Option("Compute in float16, too, where it does not overflow; inputs and outputs stay.")] = False,
) -> int:
    """Store what is left in float32 as float16 or bfloat16.

    Weights, and other float constants of 1 KB or more, are rounded to nearest: a relative error of at most 2^-11
    (bfloat16: 2^-8). They are widened once, when a runtime loads the model, and computing stays in float32. Left alone
    are tensors with values beyond the type's range, or with most values below its normal numbers, where the error is
    larger.
    With --compute operators take and give float16, with Casts at the edges, and the rest is stored as without it. What computes in
    float64 goes to float32 first. In float32 stay
    operators that tend to overflow, those with constants that float16 can't hold, and those whose values were seen beyond half of
    its range. onnxruntime computes most of them in float32 on processors: it is for places that have float16.

    Returns: tensors halved.
    Source: IEEE 754-2019, section 3.6 (binary16).
    """
    from lightweight_cli.passes.half.rounding import store_halves

    if not compute:
        return store_halves(context, type)
    from lightweight_cli.errors import UsageError
    from lightweight_cli.passes.half.computing import compute_in_halves, compute_in_singles

    if type != "float16":
        raise UsageError(f"half: --compute with --type {type}: only float16 is computed in")
    if context.only or context.exclude:
        raise UsageError("half: --compute takes the whole model: --only and --exclude name weights")
    return compute_in_singles(context) + compute_in_halves(context) + store_halves(context, type)
