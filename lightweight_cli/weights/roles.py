"""Which inputs of which operators are weights, and along which axes their channels lie."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from onnx import NodeProto

Axes = tuple[int, ...]
Shape = tuple[int, ...]


def _gemm(node: NodeProto, shape: Shape) -> Axes:
    return (0,) if constants.attributes(node).get("transB") else (1,)


def _gemm_left(node: NodeProto, shape: Shape) -> Axes:
    return (1,) if constants.attributes(node).get("transA") else (0,)


def _matmul(node: NodeProto, shape: Shape) -> Axes:
    return tuple(i for i in range(len(shape)) if i != len(shape) - 2) if len(shape) > 1 else ()


def _matmul_left(node: NodeProto, shape: Shape) -> Axes:
    return tuple(range(len(shape) - 1)) if len(shape) > 1 else ()


def _fused_matmul(node: NodeProto, shape: Shape) -> Axes:
    return _matmul_left(node, shape) if constants.attributes(node).get("transB") else _matmul(node, shape)


def _first(node: NodeProto, shape: Shape) -> Axes:
    return (0,)


def _second(node: NodeProto, shape: Shape) -> Axes:
    return (1,)


def _first_two(node: NodeProto, shape: Shape) -> Axes:
    return (0, 1)


def _einsum(node: NodeProto, shape: Shape, mine: int) -> Axes | None:
    """Return the axes that a plain contraction of two operands keeps; None for any other equation."""
    equation = constants.attributes(node).get("equation", b"").decode("utf-8", "replace").replace(" ", "")
    left, arrow, out = equation.partition("->")
    terms = left.split(",")
    if len(terms) != 2:
        return None
    term, other = terms[mine], terms[1 - mine]
    kept = set(out) if arrow else set(term) ^ set(other)
    if len(set(term)) != len(term) or len(term) != len(shape) or "." in term:
        return None
    summed = [i for i, label in enumerate(term) if label not in kept]
    if not summed or any(term[i] not in other for i in summed):
        return None
    return tuple(i for i in range(len(term)) if i not in summed)


Rule = Callable[["NodeProto", Shape], "Axes | None"]
ROLES: dict[tuple[str, int], Rule] = {
    ("Conv", 1): _first, ("ConvTranspose", 1): _first, ("ConvInteger", 1): _first, ("FusedConv", 1): _first,
    ("DeformConv", 1): _first, ("Einsum", 0): partial(_einsum, mine=0), ("Einsum", 1): partial(_einsum, mine=1),
    ("Gemm", 1): _gemm, ("Gemm", 0): _gemm_left, ("FusedGemm", 1): _gemm,
    ("MatMul", 1): _matmul, ("MatMul", 0): _matmul_left, ("FusedMatMul", 1): _fused_matmul,
    ("Gather", 0): _first,
    ("LSTM", 1): _first_two, ("LSTM", 2): _first_two, ("GRU", 1): _first_two, ("GRU", 2): _first_two,
    ("RNN", 1): _first_two, ("RNN", 2): _first_two,
    ("Attention", 1): _second,
    ("EmbedLayerNormalization", 2): _first, ("EmbedLayerNormalization", 3): _first, ("EmbedLayerNormalization", 4): _first,
}
"""(operator, input) -> the axes along which each index has its own scale; ConvTranspose: the input channels. None: no weight."""
MOVES = {"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Split", "Concat"}
"""Operators whose output holds the values of their inputs as they are."""
