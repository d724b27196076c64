"""compress: the smallest model within a goal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from lightweight_cli.compute.planned import read_plan
from lightweight_cli.passes.compress.goal import read_item, read_target
from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


@register(lossy=True, unit="weights compressed", selects=True, encodes=True, calibrates=lambda options: True, searches=True,
          after=lambda options: ("strip", "fold", "dedupe"))
def compress(
    context: Context,
    *,
    target_size: Annotated[str | None, Option(
        "The best model of this size, instead of the smallest within the gates: 1MB, or 50% of the original.", metavar="SIZE",
        read=read_target)] = None,
    ratio: Annotated[float | None, Option("The same, so many times smaller than the original.", min=1, open_min=True)] = None,
    time_limit: Annotated[float | None, Option(
        "Seconds for the search, which ends with the best so far; 300, and 20 for each million weights.", min=0, open_min=True)] = None,
    item: Annotated[list[str], Option(
        "What one weight becomes, NAME=STEP, as --save-recipe writes it: nothing is searched then; repeatable.", metavar="ITEM",
        read=read_item, recorded=True)] = (),  # type: ignore[assignment]  # read only
    firm: Annotated[bool, Option("With --item: trust the data less, as the search did where few rows misled it.", recorded=True)] = False,
    nearest: Annotated[bool, Option("With --item: round to nearest, as the first candidate of a search is.", recorded=True)] = False,
    for_: Annotated[str, Option(
        "What for; speed: integers where they are faster here, the rest searched; memory: of the rest only tables are stored.",
        choices=("size", "speed", "memory"))] = "size",
    arch: Annotated[str | None, Option(
        "With --for: decide by a table for another machine, instead of measuring on this one.", choices=("avx2", "vnni", "arm64"))] = None,
    plan: Annotated[str | None, Option(
        "With --for: which layers compute how, a .json file that is written, or, where it exists, followed without measuring.",
        metavar="FILE", read=read_plan, recorded=True)] = None,
) -> int:
    """Find the smallest model within the gates, or of a size.

    The gates are the goal: --max-drop, --min-sqnr; with neither a drop of 0.01 (a point). Every weight becomes codes of a uniform
    step, one scale a tensor (an output, for depthwise kernels), stored in trees of few splits. The steps are chosen weight by weight,
    by what an error of each costs at the end; candidates are built whole, each layer for what it sees behind those before it, and
    measured on rows that fitted nothing, until the smallest that holds is known to some percent. The first candidate is about 8 bits
    for all, rounded to nearest, so that there is a result after seconds. Without labels the drop is estimated from the original's own
    answers; where the rows are too few to show it, a floor of 30 dB is held instead. Without data, synthetic inputs and a prior stand
    in, and that floor.
    With --for speed each kind of layers is first timed in the forms of quantize --for speed, paired, and computes in integers where that
    is faster here; layers go back until half of the goal is kept. The search then stores the others within what is left of it.
    With --for memory no more than that is done, but for tables of which rows are decoded: decoding at load takes memory.
    An interrupt (Ctrl-C) or the time limit ends the search with the best candidate so far. Where none holds, none is written.

    Returns: weights compressed.
    Raises: UsageError for a target and a ratio together.
    Source: Shoham, Gersho 1988 (allocation); Frantar et al. 2022, arXiv:2210.17323; Li et al. 2025, arXiv:2504.02692 (target).
    """
    from lightweight_cli.errors import UsageError
    from lightweight_cli.passes.compress.weights import compress_weights

    if target_size is not None and ratio is not None:
        raise UsageError(f"compress: --target-size {target_size} and --ratio {ratio:g}: give one of them")
    size = target_size or (f"{100 / ratio!r}%" if ratio else None)
    if for_ == "size":
        for name, given in (("arch", arch), ("plan", plan)):
            if given:
                raise UsageError(f"compress: --{name}: needs --for speed or --for memory")
        return compress_weights(context, size, time_limit, item, firm, nearest)
    if for_ == "memory" and (size or item):
        raise UsageError(f"compress: --for memory with --{'item' if item else 'target-size or --ratio'}: it leaves nothing to search")
    if item and not (plan and os.path.exists(plan)):
        raise UsageError("compress: --item with --for speed: needs the --plan beside which the items were chosen")
    from lightweight_cli.passes.compress.integers import in_integers

    return in_integers(context, for_, arch, plan, lambda left, stays, made, original: compress_weights(
        left, size, time_limit, item, firm, nearest, stays, made, original))
