"""Whole residual blocks go: those without which the outputs change least, and what stays makes up for them.

For the walk a block that goes has zeros in its last layer, which is what leaving it out will be.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.checking.judge import Bench
from lightweight_cli.errors import UsageError
from lightweight_cli.model import tensors
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.prune_channels.recovering import recovered, studied
from lightweight_cli.passes.prune_channels.recovery import Recovery, Refit, put
from lightweight_cli.passes.prune_channels.selected import Selected
from lightweight_cli.passes.prune_channels.timing import check_on
from lightweight_cli.structure.blocks import Block, blocks_of, leave_out
from lightweight_cli.structure.cost import Cost, everything
from lightweight_cli.structure.trace import Trace
from lightweight_cli.structure.tracing import traced

if TYPE_CHECKING:
    from lightweight_cli.calibration.statistics import Statistics
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.weight import Weight


def remove_blocks(context: Context, share: float, recover: bool) -> int:
    """Leave out this share of the residual blocks, at least one. Returns: the channels that went with them.

    Raises: UsageError where the model is not to be run.
    """
    if context.portion is None:
        raise UsageError(f"prune-channels: --depth {share:g} is measured, and --no-check keeps the model from being run: give --ratio")
    scopes = Scopes(context.model.proto)
    selected, trace = Selected(context, scopes), traced(context.model, scopes)
    blocks = [b for b in blocks_of(trace) if _free(selected, trace, b)]
    if not blocks:
        context.step.note("no residual block can go: none is a branch of an Add that nothing else reads")
        return 0
    going = chosen(context, trace, blocks, max(1, math.floor(share * len(blocks) + 0.5)))
    recovery = Shallower(trace, selected, going)
    with studied(context, recovery, recover) as study:
        found = recovered(context, recovery, study) if recover else {}
    _left_out(context, trace, selected, going, found)
    context.step.note(f"{len(going)} of {len(blocks)} residual blocks left out")
    return context.step.changed


def chosen(context: Context, trace: Trace, blocks: Sequence[Block], count: int) -> list[Block]:
    """Return the blocks without which, each alone, the outputs are nearest to what they were; of blocks in each other the outer."""
    context.step.expect(len(blocks), "what each block is worth")
    numbers = [_number(trace, b) for b in blocks]
    damage = []
    assert context.portion is not None
    with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
        path = write_into(context.model, folder, "model")
        with Bench(path, check_on(context.portion, latency=False)) as bench:
            for number in numbers:
                candidate = load(path)
                copy = traced(candidate, Scopes(candidate.proto))
                leave_out(copy, next(b for b in blocks_of(copy) if _number(copy, b) == number))
                target = write_into(candidate, folder, "without")
                sqnr = bench.judge(target).sqnr
                os.remove(target)
                damage.append(-math.inf if sqnr is None else -sqnr)
                context.step.advance(1)
    going: list[Block] = []
    for i in sorted(range(len(blocks)), key=lambda i: (damage[i], i)):
        block = blocks[i]
        apart = not any(_inside(block, other) or _inside(other, block) for other in going)
        if len(going) < count and apart:
            going.append(block)
    return going


class Shallower(Recovery):
    """The layers of a model whose blocks `going` have zeros in their last layers."""

    def __init__(self, trace: Trace, selected: Selected, going: Sequence[Block]) -> None:
        super().__init__(trace, selected)
        self.weights = [w for w in self.weights if len(w.roles) == 1]  # another use may be in a block that stays
        self.inside = {id(n) for b in going for n in b.nodes}
        self.last = {id(b.last): b for b in going}

    def refit(self, weight: Weight, seen: Statistics | None) -> Refit | None:
        """Return zeros for the last layers of blocks that go, nothing for what is in them, and solve the others."""
        node = self.layers[id(weight)].node
        if id(node) in self.last:
            stored = {name: self.trace.stored(name) for name in self.last[id(node)].offsets}
            offsets = {name: np.zeros_like(self.trace.model.array(t)) for name, t in stored.items() if t is not None}
            return Refit(np.zeros(weight.shape, weight.numpy), offsets)
        return None if id(node) in self.inside else super().refit(weight, seen)


def _left_out(context: Context, trace: Trace, selected: Selected, going: Sequence[Block], found: dict[int, Refit]) -> None:
    """Change the model, and tell the step."""
    step, layers, cost = context.step, selected.layers(trace), Cost(trace)
    inside = {id(n) for b in going for n in b.nodes}
    before = cost.parameters(everything), cost.macs(everything)
    for weight in selected.weights:
        read, nbytes = layers.get(id(weight), []), weight.stored_bytes()
        solved = found.get(id(weight))
        if read and all(id(layer.node) in inside for layer in read):
            step.done(weight.name, weight.op, weight.shape, tensors.type_name(weight.dtype), nbytes, 0, len(read[0].outputs), "left out")
        elif solved is not None and solved.solved:
            put(trace, weight, solved)
    for block in going:
        leave_out(trace, block)
    after = traced(context.model, Scopes(context.model.proto))
    figures = zip(("parameters", "MACs"), before, (Cost(after).parameters(everything), Cost(after).macs(everything)), strict=True)
    step.note("; ".join(f"{what} {a:,} -> {b:,} ({b / a - 1:+.0%})" for what, a, b in figures if a))


def _free(selected: Selected, trace: Trace, block: Block) -> bool:
    """Whether the user lets all weights of a block go."""
    nodes = {id(n) for n in block.nodes}
    layers = selected.layers(trace)
    mine = [w for w in selected.weights if any(id(layer.node) in nodes for layer in layers.get(id(w), []))]
    return bool(mine) and not any(w.locked or selected.selection.reason(w) for w in mine)


def _number(trace: Trace, block: Block) -> int:
    return next(i for i, node in enumerate(trace.scope.graph.node) if node is block.add)


def _inside(one: Block, other: Block) -> bool:
    return any(one.add is node for node in other.nodes)
