"""At 8 bits: the finest scales that cost hardly more than the usual ones, a scale and a zero point for each channel."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lightweight_cli.passes.quantize.form import BLOCKS, Form
from lightweight_cli.weights.groups import channels_of
from lightweight_cli.weights.weight import Weight

SIZES = (BLOCKS[8], 128, 256, 512, 1024)
"""Weights in a block, the finest first."""
USUAL = 5
"""Bytes of a channel's scale and zero point in onnxruntime's int8 models."""
HALF = 2
"""Bytes of a scale here."""
NODES = 180
"""Bytes by which the nodes and names of a decoded weight are longer than those of a dequantized one."""
ROOM = 0.009
"""Of the bytes of that, which ours may be larger."""


def block_size(weights: Sequence[Weight], floats: Collection[int], form: Form) -> int:
    """Return the size of blocks for all weights, those with an id among `floats` being kept as they are."""
    usual, kept = 0, 0
    for weight in weights:
        a, _, p = channels_of(weight.shape, weight.axes)
        usual += weight.size + USUAL * a * p
        kept += weight.size * weight.numpy.itemsize if id(weight) in floats else 0
    for size in SIZES:
        bytes_ = kept
        for weight in weights:
            if id(weight) not in floats:
                a, _, p = form._replace(block_size=size).groups(weight)
                bytes_ += weight.size + HALF * a * p + NODES
        if bytes_ <= (1 + ROOM) * usual:
            return size
    return SIZES[-1]
