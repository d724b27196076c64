"""student: a narrower or shallower copy of a model, which distill may train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=True, unit="channels removed", selects=True, calibrates=lambda options: True)
def student(
    context: Context,
    *,
    width: Annotated[float | None, Option("Keep this share of the channels that could go.", min=0, max=1, open_min=True)] = None,
    depth: Annotated[float | None, Option("Keep this share of the residual blocks.", min=0, max=1, open_min=True)] = None,
) -> int:
    """Make a narrower or shallower copy, which distill may train.

    What prune-channels takes away by shares, told by what stays: first blocks leave (--depth of it), then channels (--channels), each time
    those that matter least on the data, and what stays is solved for the outputs of before, layer after layer (--calibrate, or a share of
    --data; without data on synthetic inputs, where that helps). Inputs and outputs of the model stay. --only and --exclude choose the
    weights that may leave or lose outputs.
    As in: lwc run model.onnx -p student:width=0.5 -p distill --calibrate inputs.npz -o small.onnx

    Returns: channels removed.
    Raises: UsageError unless one of width and depth is given.
    """
    from lightweight_cli.passes.student.shrinking import shrink

    return shrink(context, width, depth)
