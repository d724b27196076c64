"""strip: what nothing uses goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=False, unit="things removed")
def strip(
    context: Context,
    *,
    keep_doc: Annotated[bool, Option("Keep doc strings, and the metadata properties of graphs, nodes and values.")] = False,
    freeze_inputs: Annotated[
        bool, Option("Remove inputs that have a default: callers can't override them any more, and other passes may store them.")] = False,
    metadata: Annotated[bool, Option("Remove the model's own metadata properties too.")] = False,
) -> int:
    """Remove unused nodes, initializers, functions and imports.

    Removed are nodes whose outputs nobody reads, initializers, inputs that old files list for their initializers
    (IR 3), functions that are not called, opset imports, stored shapes of values that are gone (value_info), and what exporters
    note on graphs, nodes and values: doc strings, and metadata properties as torch's stack traces. The model's own
    metadata properties stay, for applications read them. Lossless: outputs are the same bits.

    Returns: things removed.
    """
    from lightweight_cli.passes.strip.unused import remove

    return remove(context, keep_doc=keep_doc, metadata=metadata, freeze_inputs=freeze_inputs)
