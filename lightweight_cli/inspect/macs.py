"""Multiply-accumulates of one inference, from shapes; elementwise work is not counted."""

from __future__ import annotations

from collections.abc import Callable

from lightweight_cli.inspect.constants import Constants
from lightweight_cli.inspect.fold_shapes import broadcast
from lightweight_cli.inspect.records import Graph, Model, Node
from lightweight_cli.inspect.shapes import Shapes
from lightweight_cli.inspect.tensors import elements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Lookup: TypeAlias = Callable[[str], tuple[int, ...] | None]
    Formula: TypeAlias = Callable[[Node, Lookup], int | None]


class Macs:
    """Counts by operator, and how many nodes have a count: `unknown` lack a shape or a formula."""

    def __init__(self) -> None:
        self.by_op: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        """The values that symbolic sizes were given."""
        self.nodes = 0
        self.unknown = 0

    @property
    def total(self) -> int:
        """The sum over the nodes that have a count."""
        return sum(self.by_op.values())

    def add(self, other: Macs) -> None:
        """Count the nodes of `other` too."""
        self.nodes += other.nodes
        self.unknown += other.unknown
        for op, count in other.by_op.items():
            self.by_op[op] = self.by_op.get(op, 0) + count


def count_macs(model: Model, constants: Constants, sizes: dict[str, int]) -> Macs:
    """Count the whole model; sizes that its inputs leave open are taken from `sizes`, or as 1."""
    if model.graph is None:
        return Macs()
    shapes = Shapes(model.graph, constants, sizes)
    functions = {(function.domain, function.name): function for function in model.functions}
    macs = macs_of((model.graph,), shapes, functions, {})
    macs.sizes = shapes.assumed
    return macs


def macs_of(graphs: tuple[Graph, ...], shapes: Shapes, functions: dict[tuple[str, str], Graph],
            counted: dict[tuple[str, str], Macs]) -> Macs:
    """Count the innermost of `graphs`: of an If the costlier branch, of a Loop or Scan one iteration.

    `counted` holds what was found for `functions`, so that each is walked once, even one that calls itself.
    """
    result = Macs()
    for node in graphs[-1].nodes:
        if node.graphs:
            bodies = [macs_of((*graphs, body), shapes, functions, counted) for _, body in node.graphs]
            result.add(max(bodies, key=lambda body: (body.total, body.unknown)))
        elif (name := (node.domain, node.op)) in functions:
            if name not in counted:
                counted[name] = Macs()
                counted[name] = macs_of((functions[name],), shapes, functions, counted)
            result.add(counted[name])
        elif node.op in FORMULAS:
            count = _count(node, graphs, shapes)
            result.nodes += 1
            if count is None:
                result.unknown += 1
            else:
                result.by_op[node.op] = result.by_op.get(node.op, 0) + count
    return result


def _count(node: Node, graphs: tuple[Graph, ...], shapes: Shapes) -> int | None:
    formula = FORMULAS[node.op]
    try:
        return formula(node, lambda name: shapes.of(graphs, name) if name else None) if formula else None
    except IndexError:  # fewer inputs, outputs or dimensions than the operator has
        return None


def _conv(weight: int) -> Formula:
    """Output elements times what one of them sums over: the weight is [out, in / group, kernel...]."""
    def count(node: Node, shape: Lookup) -> int | None:
        out, w = shape(node.outputs[0]), shape(node.inputs[weight])
        return None if out is None or not w else elements(out) * elements(w[1:])
    return count  # fmt: skip


def _conv_transpose(node: Node, shape: Lookup) -> int | None:
    """Input elements times what each is added to: the weight is [in, out / group, kernel...]."""
    x, w = shape(node.inputs[0]), shape(node.inputs[1])
    return None if x is None or not w else elements(x) * elements(w[1:])


def _gemm(weight: int) -> Formula:
    """M * N * K of [M, K] x [K, N], either one perhaps transposed."""
    def count(node: Node, shape: Lookup) -> int | None:
        a, b = shape(node.inputs[0]), shape(node.inputs[weight])
        return None if not a or not b else elements(a) * b[0 if node.attributes.get("transB") else 1]
    return count  # fmt: skip


def _matmul(weight: int) -> Formula:
    """Output elements times the inner dimension; vectors and stacks of matrices as in NumPy."""
    def count(node: Node, shape: Lookup) -> int | None:
        a, b = shape(node.inputs[0]), shape(node.inputs[weight])
        if not a or not b:
            return None
        stack = broadcast([a[:-2], b[:-2]])
        rows, columns = a[-2] if len(a) > 1 else 1, b[-1] if len(b) > 1 else 1
        return None if stack is None else elements(stack) * rows * columns * a[-1]
    return count  # fmt: skip


def _blocked_matmul(node: Node, shape: Lookup) -> int | None:
    """Rows of activations times K * N, which are attributes."""
    a, k, n = shape(node.inputs[0]), node.attributes.get("K"), node.attributes.get("N")
    return elements(a[:-1]) * k * n if a and isinstance(k, int) and isinstance(n, int) else None


def _recurrent(node: Node, shape: Lookup) -> int | None:
    """Steps * batch * (input and recurrent weights of all gates and directions)."""
    x, w, r = (shape(node.inputs[i]) for i in range(3))
    return None if x is None or w is None or r is None else x[0] * x[1] * (elements(w) + elements(r))


FORMULAS: dict[str, Formula | None] = {
    "Conv": _conv(1), "FusedConv": _conv(1), "ConvInteger": _conv(1), "QLinearConv": _conv(3),
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm(1), "FusedGemm": _gemm(1), "QGemm": _gemm(3),
    "MatMul": _matmul(1), "MatMulInteger": _matmul(1), "QLinearMatMul": _matmul(3),
    "DynamicQuantizeMatMul": _matmul(1), "MatMulIntegerToFloat": _matmul(1),
    "MatMulNBits": _blocked_matmul, "MatMulBnb4": _blocked_matmul,
    "LSTM": _recurrent, "GRU": _recurrent, "RNN": _recurrent, "DynamicQuantizeLSTM": _recurrent,
    # These do much work too, but have no formula here: counted as unknown.
    "Einsum": None, "Attention": None, "QAttention": None, "MultiHeadAttention": None, "GroupQueryAttention": None,
    "DeformConv": None, "FusedMatMul": None, "MoE": None, "QMoE": None,
}  # fmt: skip
