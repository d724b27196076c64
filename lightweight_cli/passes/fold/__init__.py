"""fold: constants are computed once, operators fused, by onnxruntime itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=False, unit="nodes saved")
def fold(context: Context) -> int:
    """Compute constants once and fuse nodes, as onnxruntime does.

    The model is optimised by onnxruntime at its BASIC level, in a process of its own, and the result kept where it
    is smaller, or has fewer nodes at no more bytes, has the same inputs and outputs, and gives the same values.
    Lossless up to float rounding.

    Returns: nodes saved.
    """
    from lightweight_cli.passes.fold.offline import fold_offline

    return fold_offline(context)
