"""half: floats in half the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=True, unit="tensors halved", selects=True, encodes=True)
def half(
    context: Context,
    *,
    type: Annotated[str, Option("The stored type.", choices=("float16", "bfloat16"))] = "float16",
) -> int:
    """Store what is left in float32 as float16 or bfloat16.

    Weights, and other float constants of 1 KB or more, are rounded to nearest: a relative error of at most 2^-11
    (bfloat16: 2^-8). They are widened once, when a runtime loads the model, and computing stays in float32. Left alone
    are tensors with values beyond the type's range, or with most values below its normal numbers, where the error is
    larger.

    Returns: tensors halved.
    Source: IEEE 754-2019, section 3.6 (binary16).
    """
    from lightweight_cli.passes.half.rounding import store_halves

    return store_halves(context, type)
