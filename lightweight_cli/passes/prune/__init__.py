"""prune: the weights that matter least become zero, and zeros take one bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from lightweight_cli.passes.prune.criteria import CRITERIA, SEEING
from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


def read_pattern(text: str, where: str) -> Any:
    """Return the pattern that a text says. Raises: UsageError."""
    from lightweight_cli.passes.prune.pattern import read

    return read(text, where)


@register(lossy=True, unit="weights set to zero", selects=True, encodes=True, calibrates=lambda options: uses_data(options))
def prune(
    context: Context,
    *,
    threshold: Annotated[float | None, Option("Zero every |w| below this.", min=0, open_min=True)] = None,
    relative: Annotated[
        float | None, Option("Zero every |w| below this times the tensor's largest |w|.", min=0, max=1, open_min=True)] = None,
    sparsity: Annotated[
        float | None, Option("Zero this share of the weights, those that matter least.", min=0, max=1, open_min=True)] = None,
    keep_top: Annotated[int | None, Option("Zero all but so many of each tensor.", min=0)] = None,
    l1: Annotated[float | None, Option("Lessen every |w| by this, down to 0: soft threshold.", min=0, open_min=True)] = None,
    pattern: Annotated[str | None, Option(
        "N:M, N of every M inputs stay (2:4), or OUTxIN, whole blocks go (4x1).", metavar="PATTERN", read=read_pattern)] = None,
    criterion: Annotated[str, Option(
        "What matters: |w|, the output's share of all |w|, |w| times its input's norm (wanda), or what the loss grows by (obs).",
        choices=CRITERIA)] = "magnitude",
    scope: Annotated[str | None, Option(
        "How tensors share --sparsity: alike, by |w| over all, by LAMP scores, or by what their layers lose (default with obs).",
        choices=("tensor", "global", "lamp", "sensitivity"))] = None,
    rounds: Annotated[int | None, Option(
        "Reach the zeros in so many rounds, each from what the one before recovered; 20 with obs.", min=1, max=64)] = None,
    no_recover: Annotated[bool, Option("Leave the weights that stay as they are.")] = False,
    keep: Annotated[float, Option("Leave the smallest tensors that together are this share of the weights.", min=0, max=1)] = 0,
) -> int:
    """Set the weights that matter least to zero.

    One of threshold, relative, sparsity, keep_top, l1 and a pattern N:M is given. Sparsity zeroes exactly the asked share, rounded to
    whole weights, zeros that are there included; among equals the first in the tensor go. Where there are calibration data (--calibrate,
    or a share of --data), the weights that stay make up for those that went: least squares for the original's outputs, each layer after
    those before it, kept where rows that were set aside say that it is better. Without data the same is done on synthetic inputs, where
    a fifth of the weights or more go, and kept where synthetic inputs of another kind say so; the model is not run for less, nor for
    weights of more than 512 MiB. Weights stored in codes, or in half floats, stay on the levels that they had, and more than the share may
    come to be zero there.
    Weights of Conv, ConvTranspose, DeformConv, Gemm, MatMul, Einsum, Gather, LSTM, GRU, RNN and Attention are pruned, and tables
    added to embeddings, wherever they are stored; biases and normalisation are not. A tensor with enough zeros is stored as a bitmask
    and its non-zero values.

    Returns: weights newly set to zero.
    Raises: UsageError unless one is given, and for a criterion or scope that needs data where there are none.
    Source: Han et al. 2015, arXiv:1506.02626, section 3; Frantar, Alistarh 2023, arXiv:2301.00774; Sun et al. 2023, arXiv:2306.11695.
    """
    from lightweight_cli.errors import UsageError
    from lightweight_cli.passes.prune.goal import Goal
    from lightweight_cli.passes.prune.layer import Way
    from lightweight_cli.passes.prune.pattern import ANYWHERE, read
    from lightweight_cli.passes.prune.pruning import prune_weights

    where = ANYWHERE if pattern is None else read(pattern, "prune: --pattern")
    if scope is None:
        scope = "sensitivity" if criterion == "obs" and sparsity is not None else "tensor"
    goal = Goal(threshold, relative, sparsity, keep_top, l1).checked(where, scope)
    if where.kind == ":" and rounds is not None:
        raise UsageError(f"prune: --rounds {rounds} with --pattern {pattern}: N:M has rounds of its own")
    if context.portion is None or not context.portion.paths:
        for flag, value in (("criterion", criterion), ("scope", scope)):
            if value in (*SEEING, "sensitivity"):
                raise UsageError(f"prune: --{flag} {value} needs data that choose: give --calibrate or --data")
    return prune_weights(context, Way(goal, where, criterion, scope, where.rounds(rounds, criterion), not no_recover), keep)


def uses_data(options: dict[str, Any]) -> bool:
    """Whether the options have a use for calibration data."""
    return not options["no_recover"] or options["criterion"] in SEEING or options["scope"] == "sensitivity"
