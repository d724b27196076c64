"""pack: every float tensor in its smallest exact form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=False, unit="tensors stored anew", selects=True, encodes=True)
def pack(context: Context) -> int:
    """Store floats in the smallest form that keeps their values.

    Found are: zeros that another tool pruned (a bitmask, or gaps), few distinct values (a codebook), integers times a
    scale of the tensor, channel or block that another tool left as floats (the integers), values that half-width
    floats hold, and equal rows; in weights, and in other float constants of 1 KB or more. They are decoded
    once, when a runtime loads the model. Lossless: outputs are the same bits. The sign of zeros is kept wherever it can
    show: not in weights that are only multiplied and summed. What runtimes compute on as integers stays.

    Returns: tensors stored anew.
    Source: Han et al. 2016, arXiv:1510.00149, sections 2 and 3 (the forms).
    """
    from lightweight_cli.passes.pack.smallest import pack_all

    return pack_all(context)
