"""Vector quantization: D weights that follow each other along the input axis are one code of a codebook [k, D].

Gather(C, codes) of shape [A, R/D, P, D] -> Transpose -> Reshape; residual stages are added. A stage's codes are
indices in any layout of codes. Opset 7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings.coded import Coded, Groups
from lightweight_cli.model.blobs import Blob
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "vectors"
MINIMUM_OPSET = 7
LOAD = LoadCost(8, 5)
"""For every value and stage; the layout of the codes comes on top."""


@dataclass
class Vectors:
    """Codes of a weight seen as [A, R/D, P] vectors along R, flat, one byte each, and the codebooks they index.

    One blob of codes and one codebook float32[k <= 256, D] for each stage; a vector is the sum over stages, in their
    order, in float32. Where A = P = 1, the last vector may reach beyond the weight.
    """

    shape: tuple[int, ...]
    dtype: int
    groups: Groups
    codes: Sequence[Blob]
    codebooks: Sequence[np.ndarray]

    @property
    def size(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """D, weights in a vector."""
        return int(self.codebooks[0].shape[1])

    def indices(self, stage: int) -> Coded:
        """Return the codes of a stage."""
        codes, levels = self.codes[stage], len(self.codebooks[stage])
        return Coded((codes.length,), TensorProto.FLOAT, (1, codes.length, 1), codes, 0, levels, 0, None, indices=True)

    def decode(self) -> np.ndarray:
        """Return the weight's values, bit for bit what the emitted nodes compute."""
        total = self.codebooks[0][self.codes[0].array(np.dtype(np.uint8))]
        for codes, codebook in zip(self.codes[1:], self.codebooks[1:], strict=True):
            total = total + codebook[codes.array(np.dtype(np.uint8))]
        a, _, p = self.groups
        values = total.reshape(a, -1, p, self.width).transpose(0, 1, 3, 2).reshape(-1)[: self.size]
        return values.astype(helper.tensor_dtype_to_np_dtype(self.dtype)).reshape(self.shape)

    def finish(self, e: Emission, stages: Sequence[str]) -> str:
        """Add the nodes from the int32 codes of every stage to the weight; return it."""
        total = ""
        for numbers, codebook in zip(stages, self.codebooks, strict=True):
            e.costs(LOAD, self.size)
            part = e.op("Gather", [e.array(codebook), numbers])
            total = e.op("Add", [total, part]) if total else part
        a, _, p = self.groups
        if p > 1:
            e.costs(LOAD, self.size)
            total = e.op("Transpose", [e.reshape(total, [a, -1, p, self.width])], perm=[0, 1, 3, 2])
        length = self.codes[0].length * self.width
        if length != self.size:
            total = e.reshape(total, [-1])
        if self.dtype != TensorProto.FLOAT:
            total = e.cast(total, self.dtype)
        return e.fit(total, length, self.size, self.shape) if length != self.size else e.reshape(total, self.shape)
