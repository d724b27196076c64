"""dedupe: equal tensors are stored once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=False, unit="tensors merged")
def dedupe(context: Context) -> int:
    """Store equal tensors once.

    Tensors of one type, shape and content, in initializers and Constant nodes, become one where the first is visible
    from the uses of the others. Graph inputs and outputs keep their own. Lossless: outputs are the same bits.

    Returns: tensors merged.
    """
    from lightweight_cli.passes.dedupe.equal import merge

    return merge(context)
