"""What decoding a weight costs when a runtime loads the model."""

from __future__ import annotations

from typing import NamedTuple


class LoadCost(NamedTuple):
    """What a layout takes for each value it decodes: bytes of its nodes' outputs, nanoseconds of one core.

    onnxruntime frees what it folded when all folding is done, so the outputs of all nodes add up. By
    benchmarks/encodings.py on onnxruntime 1.32, x86-64: for 27 encodings of 2^22 weights the peak is this sum and 3 to 13 bytes
    a weight, 4 or 5 for most, which one node's inputs take once more; of a model's many weights, only the largest does.
    """

    bytes: float
    ns: float
