"""unpack: weights as plain floats again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=False, unit="tensors decoded", grows=True, selects=True)
def unpack(context: Context) -> int:
    """Store decoded weights as plain floats, for other tools.

    Every weight that nodes compute from stored tensors, by lwc's encodings or another tool's DequantizeLinear, becomes
    an initializer (a Constant node in a function) with exactly the decoded values. Lossless; the file grows. Runtimes that
    computed on the integers of a DequantizeLinear then compute in float.

    Returns: tensors decoded.
    """
    from lightweight_cli.passes.unpack.decoding import decode_all

    return decode_all(context)
