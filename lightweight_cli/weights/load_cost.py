"""What decoding a weight costs when a runtime loads the model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadCost:
    """What a layout takes for each value it decodes: bytes of its nodes' outputs, nanoseconds of one core.

    onnxruntime frees what it folded when all folding is done, so the outputs of all nodes add up. By
    benchmarks/encodings.py on onnxruntime 1.31, x86-64: for 27 encodings of 2^24 weights the peak is this sum and 1.5 to
    6.5 bytes a weight for the weight itself and its operator; time is this sum and 5 ns, within a third.
    """

    bytes: float
    ns: float
