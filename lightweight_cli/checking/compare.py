"""Outputs of two models, side by side: what must hold, and how far the values are apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.checking.accuracy import OutputFidelity
from lightweight_cli.checking.metrics.agreement import Agreement
from lightweight_cli.checking.metrics.fidelity import Fidelity, measurable
from lightweight_cli.data.arrays import arrays
from lightweight_cli.errors import BrokenPromise, printable
from lightweight_cli.runtime.sessions import Interface

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

VALUE_SHAPED = {"NonZero", "NonMaxSuppression", "Unique", "Compress", "Loop", "Range", "StringSplit", "ConstantOfShape",
                "Expand", "Tile", "If", "SplitToSequence", "RoiAlign", "BeamSearch", "GreedySearch", "Sampling"}
"""Operators whose output shape may follow from values, which a lossy change moves."""
MOVES = {"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose"}
MOST_MOVES = 16
STEADY = 1e-4
"""Relative difference of two runs of the same model that summation order in threads explains."""


def outputs_of(session: InferenceSession, feed: dict[str, Any]) -> list[Any]:
    """Run the model: an array for each output, or a list, a list of dicts, None."""
    outputs: list[Any] = session.run(None, feed)
    return outputs


def changes(model: onnx.ModelProto | None) -> bool:
    """Whether the model has operators whose output shape depends on values."""
    if model is None:
        return True

    def nodes(owner: Any) -> Iterator[Any]:
        for node in owner.node:
            yield node
            for attribute in node.attribute:
                for graph in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                    yield from nodes(graph)

    return any(n.op_type in VALUE_SHAPED for owner in (model.graph, *model.functions) for n in nodes(owner))


def operators(model: onnx.ModelProto | None) -> dict[str, str]:
    """Return the operator that makes each output, looking through those that only move values."""
    if model is None:
        return {}
    makers = {o: n for n in model.graph.node for o in n.output}
    found = {}
    for output in model.graph.output:
        node = makers.get(output.name)
        for _ in range(MOST_MOVES):
            if node is None or node.op_type not in MOVES or not node.input:
                break
            node = makers.get(node.input[0])
        if node is not None:
            found[output.name] = node.op_type
    return found


class Comparison:
    """The outputs of a model, compared batch by batch."""

    def __init__(self, model: Interface, steady: bool, skeleton: onnx.ModelProto | None,
                 classes: Mapping[str, int] | None = None) -> None:
        """`classes`: of outputs that were scored with labels, how many classes these gave them, or 0."""
        self.model, self.steady, self.value_shaped = model, steady, changes(skeleton)
        made = operators(skeleton)
        self.outputs = [Fidelity(p.name, p.type, agreement=Agreement(p.name, made.get(p.name), (classes or {}).get(p.name)))
                        for p in model.outputs]

    @staticmethod
    @np.errstate(over="ignore", invalid="ignore")  # a signalling NaN, with numpy 1
    def equal(one: list[Any], two: list[Any]) -> bool:
        """Whether two runs gave the same values, up to the order of summation."""
        for a, b in zip([a for v in one for a in arrays(v)], [b for v in two for b in arrays(v)], strict=False):
            if a.shape != b.shape or a.dtype != b.dtype:
                return False
            if measurable(a.dtype):
                scale = float(np.max(np.abs(a[np.isfinite(a)]), initial=0))
                if not np.allclose(a, b, rtol=0, atol=STEADY * scale, equal_nan=True):
                    return False
            elif not np.array_equal(a, b):
                return False
        return True

    @np.errstate(over="ignore", invalid="ignore")  # at the end of float64, and where numpy widens a signalling NaN
    def add(self, expected: list[Any], got: list[Any], batch: int) -> None:
        """Compare one batch.

        Raises: BrokenPromise for another dtype, another shape that values do not explain, or a value
            that is not finite where the original's is.
        """
        for output, port, old, new in zip(self.outputs, self.model.outputs, expected, got, strict=True):
            name = f'output "{printable(port.name)}" of batch {batch}'
            olds, news = arrays(old), arrays(new)
            if len(olds) != len(news):
                self._differs(output, name, f"{len(olds)} tensors", f"{len(news)} tensors", free=True)
                continue
            for a, b in zip(olds, news, strict=True):
                if a.dtype != b.dtype:
                    raise BrokenPromise(f"{name} was {a.dtype.name} and became {b.dtype.name}")
                if a.shape != b.shape:
                    free = a.ndim == b.ndim and (len(port.shape) != a.ndim or all(
                        x == y or not isinstance(d, int) for x, y, d in zip(a.shape, b.shape, port.shape, strict=True)))
                    self._differs(output, name, str(list(a.shape)), str(list(b.shape)), free=free)
                elif self.steady:
                    self._finite(a, b, name)
                    output.update(a, b)

    def _differs(self, output: Fidelity, name: str, old: str, new: str, *, free: bool) -> None:
        if not free or (self.steady and not self.value_shaped):
            raise BrokenPromise(f"{name} had {old} and has {new}")
        output.note = f"{name} has {new} where the original has {old}: values were not compared"

    def _finite(self, a: np.ndarray, b: np.ndarray, name: str) -> None:
        if measurable(a.dtype):
            lost = int(np.count_nonzero(np.isfinite(a) & ~np.isfinite(b)))
            if lost:
                raise BrokenPromise(f"{name}: {lost:,} of {a.size:,} values are not finite where the original's are")

    def results(self) -> tuple[OutputFidelity, ...]:
        """Return the figures of every output."""
        return tuple(o.result() for o in self.outputs)
